//! From the bytes of a component to a plugin that can be served, or the reason why not.

use std::sync::Arc;

use longshore_domain::{ComponentSha, JobType, JobTypeName, RESERVED_TOOL_NAMES};

use crate::program::Program;
use crate::registry::cache::Cache;
use crate::registry::compile::{self, ExamineError, LoadSignals};
use crate::registry::component_file::ComponentFile;
use crate::registry::described::{Lengths, job_type};
use crate::registry::examine::{Finding, begins_as_component, linked};
use crate::registry::making::{Lane, Turn};
use crate::registry::refusal::{Refusal, blocking};
use crate::sandbox::Shared;

/// A component that is ready to be served under any policy.
#[derive(Clone)]
pub(crate) struct Plugin {
    pub(crate) job_type: JobType,
    pub(crate) component: ComponentSha,
    pub(crate) program: Arc<Program>,
    pub(crate) lengths: Lengths,
}

/// The name of the job type that the file `stem.wasm` offers.
pub(crate) fn name_of(stem: &str) -> Result<JobTypeName, Refusal> {
    let name: JobTypeName = stem.parse().map_err(|error| {
        Refusal::new("wrong_name", format!("the file's name is not that of a job type: {error}"))
    })?;
    if RESERVED_TOOL_NAMES.contains(&stem) {
        let message =
            format!("Longshore has a tool named {stem} itself; give the job type and its file another name");
        return Err(Refusal::new("reserved_name", message));
    }
    Ok(name)
}

/// Makes a plugin of the component in the file `name.wasm`. Others may be read once `reading` is dropped.
pub(crate) async fn load(
    shared: &Arc<Shared>,
    cache: Option<&Arc<Cache>>,
    name: JobTypeName,
    file: &ComponentFile,
    reading: impl Send,
    signals: &LoadSignals,
) -> Result<Plugin, Refusal> {
    let sha = file.sha.clone();
    if let Some(loaded) = from_cache(shared, cache, &name, &sha).await {
        return loaded;
    }
    drop(reading);
    signals.compiles();
    begins_as_component(&file.head)?;
    for lane in Lane::of(file.length) {
        let turn = turn(cache, &sha, *lane).await;
        if turn.as_ref().is_some_and(|turn| turn.waited)
            && let Some(loaded) = from_cache(shared, cache, &name, &sha).await
        {
            turn.into_iter().for_each(Turn::end);
            return loaded;
        }
        let found = compile::examine(shared, turn.as_ref(), *lane, file, signals).await;
        let found = match found {
            Ok(found) => Ok(keep(cache, &sha, found).await?),
            Err(error) => Err(error),
        };
        // Not before: those who wait for the turn find what came of it in the cache then.
        turn.into_iter().for_each(Turn::end);
        match found {
            Ok(found) => return plugin(shared, found, name, sha).await,
            Err(ExamineError::TooSlow) => {}
            Err(ExamineError::Machine(message)) => {
                return Err(Refusal::of_machine(
                    "compile_failed",
                    format!("it cannot be compiled now: {message}"),
                ));
            }
        }
    }
    Err(Refusal::of_machine("compile_failed", "it cannot be compiled now: the compiler had no time for it"))
}

/// The turn to examine a component; `None` where nothing is cached, and everybody does it for themselves.
async fn turn(cache: Option<&Arc<Cache>>, sha: &str, lane: Lane) -> Option<Turn> {
    let turn = cache?.turn(sha, lane).await;
    turn.inspect_err(|error| tracing::debug!(%error, "a component is compiled without its turn")).ok()
}

async fn keep(cache: Option<&Arc<Cache>>, sha: &str, found: Finding) -> Result<Finding, Refusal> {
    let Some(cache) = cache else { return Ok(found) };
    let (cache, sha, keeping) = (Arc::clone(cache), sha.to_owned(), found.clone());
    blocking(move || cache.put(&sha, &keeping)).await?;
    Ok(found)
}

/// What was found out before about a component, if that is of use here. No guest runs.
async fn from_cache(
    shared: &Arc<Shared>,
    cache: Option<&Arc<Cache>>,
    name: &JobTypeName,
    sha: &str,
) -> Option<Result<Plugin, Refusal>> {
    let (cache, key) = (Arc::clone(cache?), sha.to_owned());
    let found = blocking(move || cache.get(&key)).await.ok()??;
    let was_sound = matches!(found, Finding::Sound { .. });
    let loaded = plugin(shared, found, name.clone(), sha.to_owned()).await;
    // Code that was made and cannot be loaded is made again; a refusal stays one.
    let is_of_use = |refusal: &Refusal| !was_sound || refusal.code == "wrong_name";
    match loaded {
        Err(refusal) if !is_of_use(&refusal) => {
            tracing::debug!("cached code is of no use: {}", refusal.message);
            None
        }
        loaded => Some(loaded),
    }
}

/// A plugin of what was found out.
async fn plugin(
    shared: &Arc<Shared>,
    found: Finding,
    name: JobTypeName,
    sha: String,
) -> Result<Plugin, Refusal> {
    let (described, code) = match found {
        Finding::Sound { described, code } => (described, code),
        Finding::Unsound(refusal) => return Err(refusal),
    };
    let shared = Arc::clone(shared);
    blocking(move || {
        let lengths = Lengths::of(&described);
        let linked = linked(&shared.linkers, &code)?;
        let (job_type, input, output) = job_type(described, &name)?;
        let program = Arc::new(Program::new(&shared, linked, input, output));
        Ok(Plugin { job_type, component: ComponentSha::new(sha), program, lengths })
    })
    .await?
}
