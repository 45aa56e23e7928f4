//! What is known of one plugin: what its files say now, and the version that is served.

use std::sync::Arc;

use longshore_domain::{LOADING, LoadedJob, Policy, Problem};

use crate::registry::folder::FileStamp;
use crate::registry::plugin::Plugin;
use crate::registry::refusal::Refusal;

/// What reading a plugin's files gave.
pub(crate) struct Read {
    /// State of the component file that was read. `None` if there is only a policy.
    pub(crate) stamp: Option<FileStamp>,
    pub(crate) policy: Result<Policy, Refusal>,
    /// None when the policy says not to look.
    pub(crate) component: Option<Result<Plugin, Refusal>>,
    /// Which of its grants name nothing that is there, for people.
    pub(crate) unmatched: Option<String>,
}

/// One plugin.
#[derive(Default)]
pub(crate) struct Shelf {
    read: Option<(FileStamp, Result<Plugin, Refusal>)>,
    served: Option<Served>,
    refusal: Option<Refusal>,
    unmatched: Option<String>,
}

/// What is said of a plugin that is compiled.
pub(super) const COMPILING: &str =
    "it is being compiled, which happens once and may take a minute; ask again in a few seconds";

/// The version that is served.
struct Served {
    plugin: Plugin,
    job: Arc<LoadedJob>,
}

impl Shelf {
    /// Takes in what the files say now, and decides what is served.
    ///
    /// What is broken keeps the last good version serving. But a policy that can be read always counts at once: an
    /// operator who turns a plugin off, or takes a grant away, means the version that runs now.
    pub(crate) fn put(&mut self, read: Read) {
        let Read { stamp, policy, component, unmatched } = read;
        let Some(stamp) = stamp else {
            *self = Self { refusal: Some(component_missing()), ..Self::default() };
            return;
        };
        self.unmatched = unmatched;
        self.read = component.clone().map(|component| (stamp, component));
        let policy = match policy {
            Ok(policy) => policy,
            Err(refusal) => {
                self.refusal = Some(refusal);
                return;
            }
        };
        if !policy.enabled {
            self.served = None;
            self.refusal = Some(Refusal::new("disabled", "its policy says `enabled = false`"));
            return;
        }
        let before = self.served.take().map(|served| served.plugin);
        let (wanted, refusal) = match component {
            Some(Ok(plugin)) => match refused(&plugin, &policy) {
                None => (Some(plugin), None),
                Some(refusal) => (before, Some(refusal)),
            },
            Some(Err(refusal)) => (before, Some(refusal)),
            None => (before, None),
        };
        self.refusal = refusal;
        self.served = wanted
            .filter(|plugin| refused(plugin, &policy).is_none())
            .map(|plugin| Served { job: Arc::new(loaded(&plugin, policy)), plugin });
    }

    /// Says that the plugin is being loaded for the first time.
    pub(crate) fn wait(&mut self, compiling: bool) {
        let message = if compiling { COMPILING } else { "it is being loaded; ask again in a few seconds" };
        self.refusal = Some(Refusal::new(LOADING, message));
    }

    /// The job that is served.
    pub(crate) fn job(&self) -> Option<&Arc<LoadedJob>> {
        self.served.as_ref().map(|served| &served.job)
    }

    /// What keeps the files from being served as they are.
    pub(crate) fn problem(&self, stem: &str) -> Option<Problem> {
        let serving = self.job().map(|job| job.job_type.version.clone());
        self.refusal.as_ref().map(|refusal| problem_of(stem, refusal, serving))
    }

    /// What is odd about the plugin, which is served all the same.
    pub(crate) fn warning(&self, stem: &str) -> Option<Problem> {
        self.job()?;
        let refusal = Refusal::new("unmatched_grant", self.unmatched.clone()?);
        Some(problem_of(stem, &refusal, None))
    }

    /// The component as it was read last.
    pub(crate) fn component(&self) -> Option<(FileStamp, Result<Plugin, Refusal>)> {
        self.read.clone()
    }
}

pub(crate) fn problem_of(stem: &str, refusal: &Refusal, serving: Option<String>) -> Problem {
    let is_of_policy = matches!(refusal.code, "invalid_policy" | "component_missing" | "unmatched_grant");
    let suffix = if is_of_policy { "toml" } else { "wasm" };
    Problem {
        file: format!("{stem}.{suffix}"),
        code: refusal.code.to_owned(),
        message: refusal.message.clone(),
        serving,
    }
}

fn component_missing() -> Refusal {
    let message = "it is a policy without its component; put the component beside it under the same name, with the extension \
                   .wasm, or delete the policy";
    Refusal::new("component_missing", message)
}

fn loaded(plugin: &Plugin, policy: Policy) -> LoadedJob {
    LoadedJob {
        job_type: plugin.job_type.clone(),
        policy,
        component: plugin.component.clone(),
        program: Arc::clone(&plugin.program) as Arc<_>,
    }
}

/// Why a plugin is not served under a policy: it says too much of itself, or lacks grants.
fn refused(plugin: &Plugin, policy: &Policy) -> Option<Refusal> {
    let file = format!("{}.toml", plugin.job_type.name);
    if let Some(refusal) = plugin.lengths.refused(&policy.limits, &file) {
        return Some(refusal);
    }
    let missing = policy.grants.missing(&plugin.job_type.permissions, &file)?;
    Some(Refusal::new("blocked", missing))
}
