//! The plugin folder and the catalog that is made of it.
//!
//! The folder is watched, and looked at once a second in case the watching misses something. A plugin whose files have
//! settled is loaded aside (read, validated, compiled, asked to describe itself) and then taken into a new catalog,
//! which replaces the one before as a whole. A file that cannot be served never displaces a version that can.

mod cache;
pub(crate) mod code;
mod compile;
mod component_file;
mod confine;
mod described;
mod examine;
mod folder;
mod grants;
mod making;
mod plugin;
mod policy;
mod refusal;
mod shelf;
mod trust;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use longshore_domain::{Catalog, JobCatalog, LOADING, LoadedJob, Policy, Problem, SCRATCH};
use tokio::sync::{Semaphore, watch as subscription};

pub use compile::{CompileError, compile_child};
pub use trust::{NoTrust, Trust};

use crate::registry::cache::Cache;
use crate::registry::compile::LoadSignals;
use crate::registry::component_file::{ComponentFile, POLICY_BYTES_MAX, read_at_most};
use crate::registry::folder::{FileStamp, Stamp};
use crate::registry::plugin::Plugin;
use crate::registry::refusal::{Refusal, blocking};
use crate::registry::shelf::{COMPILING, Read, Shelf};
use crate::sandbox::{Sandbox, Shared};

/// Plugins whose files are read, or taken from the cache, at the same time.
const READING_MAX: usize = 4;

/// How a plugin folder is served.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// The plugin folder. It may be missing, and is served once it is there.
    pub dir: PathBuf,
    /// What policy files are read over.
    pub defaults: Policy,
    /// Which components are accepted; all without it.
    pub trust: Option<Trust>,
    /// How long the start waits for plugins that have to be compiled. One that takes longer is taken in when it is
    /// ready, and is a problem with the code `loading` until then.
    pub patience: Duration,
}

/// Keeps the catalog of a plugin folder. It ends when it is dropped.
pub struct PluginRegistry {
    loader: Arc<Loader>,
    shelves: Mutex<BTreeMap<String, Shelf>>,
    catalog: RwLock<Arc<Catalog>>,
    revisions: subscription::Sender<u64>,
}

/// What loading a plugin takes.
struct Loader {
    shared: Arc<Shared>,
    cache: Option<Arc<Cache>>,
    options: RegistryOptions,
    reading: Semaphore,
}

impl PluginRegistry {
    /// Loads what is in the folder and begins to watch it. Must be called within a tokio runtime.
    pub async fn start(sandbox: &Sandbox, options: RegistryOptions) -> Arc<Self> {
        let registry = Arc::new(Self {
            loader: Arc::new(Loader::new(sandbox, options)),
            shelves: Mutex::default(),
            catalog: RwLock::default(),
            revisions: subscription::Sender::new(0),
        });
        watch::start(&registry).await;
        registry
    }

    /// Tells each new revision of the catalog.
    pub fn changes(&self) -> subscription::Receiver<u64> {
        self.revisions.subscribe()
    }

    /// Publishes the first state of the folder as one revision: what is loaded, and what is still being loaded.
    fn begin(&self, loaded: Vec<(String, Read)>, loading: impl Iterator<Item = String>) {
        {
            let mut shelves = self.shelves();
            for (stem, read) in loaded {
                shelves.entry(stem).or_default().put(read);
            }
            for stem in loading {
                shelves.entry(stem).or_default().wait(false);
            }
        }
        self.publish();
    }

    /// Takes in what was loaded.
    fn put(&self, stem: &str, read: Read) {
        self.shelves().entry(stem.to_owned()).or_default().put(read);
        self.publish();
    }

    /// Tells that a plugin is being compiled, which takes a while. One that is served meanwhile in an earlier version has
    /// nothing to tell before it is known what the new one is.
    fn announce(&self, stem: &str) {
        {
            let mut shelves = self.shelves();
            let shelf = shelves.entry(stem.to_owned()).or_default();
            if shelf.job().is_some() {
                return;
            }
            shelf.wait(true);
        }
        self.publish();
    }

    /// Withdraws a plugin whose file is gone.
    fn remove(&self, stem: &str) {
        if self.shelves().remove(stem).is_some() {
            self.publish();
        }
    }

    /// The component that is known under `stem`, so that a change of the policy alone does not load it again.
    fn known(&self, stem: &str) -> Option<(FileStamp, Result<Plugin, Refusal>)> {
        self.shelves().get(stem).and_then(Shelf::component)
    }

    /// Makes a catalog of what is there now, and replaces the one before if it differs.
    fn publish(&self) {
        let shelves = self.shelves();
        let mut jobs = BTreeMap::new();
        let (mut problems, mut warnings) = (BTreeMap::new(), BTreeMap::new());
        for (stem, shelf) in &*shelves {
            if let Some(job) = shelf.job() {
                jobs.insert(job.job_type.name.clone(), Arc::clone(job));
            }
            if let Some(problem) = shelf.problem(stem) {
                problems.insert(stem.clone(), problem);
            }
            if let Some(warning) = shelf.warning(stem) {
                warnings.insert(stem.clone(), warning);
            }
        }
        let mut current = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        let next = Catalog { revision: current.revision + 1, jobs, problems, warnings };
        let says_the_same = next.problems == current.problems && next.warnings == current.warnings;
        if current.revision > 0 && next.offers_the_same(&current) && says_the_same {
            return;
        }
        tell(&current, &next);
        let revision = next.revision;
        *current = Arc::new(next);
        drop(current);
        self.revisions.send_replace(revision);
    }

    fn shelves(&self) -> MutexGuard<'_, BTreeMap<String, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is logged of problems has a target of its own: a command that shows them does not log them, too.
const PROBLEMS: &str = "longshore_plugin_problems";

/// Tells the operator what changes.
fn tell(before: &Catalog, next: &Catalog) {
    let Catalog { jobs, problems, warnings, .. } = next;
    for (name, job) in jobs {
        if !before.jobs.get(name).is_some_and(|old| Arc::ptr_eq(old, job)) {
            tracing::info!(job_type = %name, version = %job.job_type.version, component = %job.component, "plugin loaded");
        }
    }
    for name in before.jobs.keys().filter(|name| !jobs.contains_key(*name)) {
        tracing::info!(job_type = %name, "plugin withdrawn");
    }
    for (stem, problem) in problems {
        if before.problems.get(stem) == Some(problem) {
            continue;
        }
        if problem.code == LOADING && problem.message != COMPILING {
            // It may be there in a moment.
        } else if problem.code == LOADING {
            tracing::info!(target: PROBLEMS, file = %problem.file, "plugin not served yet: {}", problem.message);
        } else {
            tracing::warn!(target: PROBLEMS, file = %problem.file, code = %problem.code, "plugin not served: {}", problem.message);
        }
    }
    for (stem, warning) in
        warnings.iter().filter(|(stem, warning)| before.warnings.get(*stem) != Some(*warning))
    {
        tracing::warn!(target: PROBLEMS, job_type = stem, file = %warning.file, code = %warning.code, "{}", warning.message);
    }
}

impl JobCatalog for PluginRegistry {
    fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for PluginRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginRegistry")
            .field("dir", &self.loader.options.dir)
            .field("revision", &self.current().revision)
            .finish_non_exhaustive()
    }
}

impl Loader {
    fn new(sandbox: &Sandbox, options: RegistryOptions) -> Self {
        let shared = Arc::clone(&sandbox.shared);
        let cache = shared.cache_dir.as_deref().and_then(|dir| {
            match Cache::open(dir, shared.linkers.engines.first()) {
                Ok(cache) => Some(Arc::new(cache)),
                Err(error) => {
                    tracing::warn!("compiled code is not cached in {}: {error}", dir.display());
                    None
                }
            }
        });
        Self { shared, cache, options, reading: Semaphore::new(READING_MAX) }
    }

    /// Reads the files of a plugin. `known` is its component as it was read before.
    async fn load(
        self: Arc<Self>,
        stem: String,
        stamp: Stamp,
        known: Option<(FileStamp, Result<Plugin, Refusal>)>,
        signals: LoadSignals,
    ) -> (String, Read) {
        let policy = self.policy(&stem, stamp);
        if stamp.component.is_none() {
            return (stem, Read { stamp: None, policy, component: None, unmatched: None });
        }
        let unmatched = match &policy {
            Ok(policy) if policy.enabled => grants::unmatched(&self.shared.sources, &policy.grants).await,
            _ => None,
        };
        let component = match known {
            // What was not whole or not readable then may be now.
            Some((before, component)) if Some(before) == stamp.component && !is_passing(&component) => {
                Some(component)
            }
            // A plugin that is turned off is not even asked what it is.
            _ if policy.as_ref().is_ok_and(|policy| !policy.enabled) => None,
            _ => Some(self.component(&stem, &signals).await),
        };
        (stem, Read { stamp: stamp.component, policy, component, unmatched })
    }

    fn policy(&self, stem: &str, stamp: Stamp) -> Result<Policy, Refusal> {
        if stamp.policy.is_none() {
            return Ok(self.options.defaults.clone());
        }
        let path = self.options.dir.join(format!("{stem}.toml"));
        let unreadable = |why: &dyn std::fmt::Display| {
            Refusal::new("invalid_policy", format!("{stem}.toml cannot be read: {why}"))
        };
        let bytes = read_at_most(&path, POLICY_BYTES_MAX).map_err(|error| unreadable(&error))?;
        let bytes =
            bytes.ok_or_else(|| unreadable(&format_args!("it has more than {POLICY_BYTES_MAX} bytes")))?;
        let text = String::from_utf8(bytes).map_err(|error| unreadable(&error))?;
        policy::parse(&text, &self.options.defaults)
            .and_then(|policy| self.check_names(&policy).map(|()| policy))
            .map_err(|error| Refusal::new("invalid_policy", format!("{stem}.toml is wrong: {error}")))
    }

    /// Refuses names of what does not exist: each is a slip of the pen, and would only be found out when it is needed.
    fn check_names(&self, policy: &Policy) -> Result<(), String> {
        let grants = &policy.grants;
        if let Some(name) = policy.alert.as_ref().and_then(|alert| alert.channel.as_ref())
            && !self.shared.channels.contains(name)
        {
            return Err(format!("alert.channel is {name:?}, but longshore.toml has no [channels.{name}]"));
        }
        let sources: Vec<&str> = self.shared.sources.names().collect();
        let channels: Vec<&str> = self.shared.channels.iter().map(String::as_str).collect();
        let directories: Vec<&str> =
            self.shared.directories.keys().map(String::as_str).chain([SCRATCH]).collect();
        for (kind, granted, table, there) in [
            ("data", &grants.data, "sources", sources),
            ("outbox", &grants.outbox, "channels", channels),
            ("directories", &grants.directories, "directories", directories),
        ] {
            if let Some(name) = granted.iter().find(|name| !there.contains(&name.as_str())) {
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                return Err(format!(
                    "it grants {kind} {name:?}, but longshore.toml has no [{table}.{name}]; there is: {there}"
                ));
            }
        }
        let secrets = self.shared.secrets.names();
        match grants.needed_secrets().find(|name| !secrets.iter().any(|there| there == name)) {
            Some(name) => Err(format!(
                "its grants name the secret {name:?}, but longshore.toml has no [secrets.{name}]; there is: {}",
                if secrets.is_empty() { "none".to_owned() } else { secrets.join(", ") }
            )),
            None => Ok(()),
        }
    }

    async fn component(&self, stem: &str, signals: &LoadSignals) -> Result<Plugin, Refusal> {
        // Closed never, so there is always a turn to wait for.
        let name = plugin::name_of(stem)?;
        let reading = self.reading.acquire().await;
        let (path, trust) = (self.options.dir.join(format!("{stem}.wasm")), self.options.trust.clone());
        let file = blocking(move || trusted(&path, trust.as_ref())).await??;
        plugin::load(&self.shared, self.cache.as_ref(), name, &file, reading, signals).await
    }
}

/// Looks at a component's file, and refuses one that the operator does not accept before anything else is done with it.
fn trusted(path: &Path, trust: Option<&Trust>) -> Result<ComponentFile, Refusal> {
    let file = ComponentFile::at(path)?;
    let Some(trust) = trust else { return Ok(file) };
    let sha = &file.sha;
    if trust.names(sha) {
        return Ok(file);
    }
    let signature = read_at_most(&trust::signature_of(path), trust::SIGNATURE_BYTES_MAX);
    let signature = signature.ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let bytes =
        file.bytes().map_err(|error| Refusal::new("unreadable", format!("it cannot be read: {error}")))?;
    trust.check(sha, &bytes, signature.as_deref()).map_err(|why| {
        let message = format!(
            "this host accepts only components that longshore.toml names, and {why}; to accept it, put \"sha256:{sha}\" \
             into `accept` under [plugins], or sign it with a key that is there"
        );
        Refusal::new("untrusted", message)
    })?;
    Ok(file)
}

/// Whether loading the same file again may end otherwise.
fn is_passing(component: &Result<Plugin, Refusal>) -> bool {
    component
        .as_ref()
        .is_err_and(|refusal| refusal.is_of_machine || matches!(refusal.code, "unreadable" | "untrusted"))
}

/// Loads the one plugin in the file `path` under its own policy file, if there is one beside it, without serving it. With
/// `trust` only what that accepts. For tools that check a plugin or run it once.
pub async fn load_plugin(
    sandbox: &Sandbox,
    path: &Path,
    defaults: &Policy,
    trust: Option<&Trust>,
) -> Result<Arc<LoadedJob>, Problem> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let dir = path.parent().unwrap_or(Path::new("")).to_owned();
    let refused = |refusal: Refusal| shelf::problem_of(&stem, &refusal, None);
    let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
    let seen = folder::look(&dir).map_err(|error| {
        refused(Refusal::new("unreadable", format!("{} cannot be read: {error}", dir.display())))
    })?;
    let Some(stamp) = seen.get(&stem).copied().filter(|stamp| stamp.component.is_some()) else {
        return Err(refused(Refusal::new("unreadable", format!("there is no file {}", path.display()))));
    };
    let loader = Arc::new(Loader::new(
        sandbox,
        RegistryOptions { dir, defaults: defaults.clone(), trust: trust.cloned(), patience: Duration::MAX },
    ));
    let (_, read) = loader.load(stem.clone(), stamp, None, LoadSignals::default()).await;
    let mut shelf = Shelf::default();
    shelf.put(read);
    match (shelf.job(), shelf.problem(&stem)) {
        (Some(job), None) => Ok(Arc::clone(job)),
        (_, Some(problem)) => Err(problem),
        (None, None) => Err(refused(Refusal::new("unreadable", "there is nothing to load"))),
    }
}
