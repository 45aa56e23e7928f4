//! The only place where store, sandbox, scheduler and delivery are put together.
//!
//! Everything else in this crate asks a [`TaskService`], and knows neither SQLite nor wasmtime.

mod attendance;
pub mod backup;
mod behind;
mod channels;
mod clock;
pub mod doctor;
mod others;
mod parts;
mod presence;
pub mod processes;
mod schedules;
mod workers;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use longshore_domain::{ArtifactFiles, Clock, JobCatalog, LoadedJob, Policy, Problem, TaskStore};
use longshore_sandbox::{PluginRegistry, RegistryOptions, Sandbox, SandboxOptions, Trust};
use longshore_scheduler::{Hub, Running, ServiceParts, Supervisor, TaskService};
use longshore_store::LocalFiles;

use attendance::Attendance;
use workers::{WorkerLock, WorkerLocks};

pub(crate) use behind::{OPTION as STAY_BEHIND, Stay};
pub use clock::SystemClock;
pub use longshore_scheduler::Shutdown;

use crate::config::{Config, time_zones};
use crate::memory;

/// Has queries of jobs bounded in memory. To be called before anything else is done with SQLite.
pub(crate) fn limit_memory_of_queries() {
    let done = longshore_sandbox::limit_memory_of_queries();
    assert!(done, "something used SQLite before the host was set up");
}

/// How long a process that is asked to end lets its jobs save and stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a process whose jobs another goes on with lets them save and stop. A client that ends its server may kill it two
/// seconds later, and the other process needs that time to start.
pub const HAND_OVER: Duration = Duration::from_millis(250);

/// What a process does with the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves a client, and works.
    Serve,
    /// Works.
    Worker,
    /// Works until nothing is left to do, in place of processes that have ended.
    Behind,
    /// Works until one job has ended.
    Run,
    /// Looks at jobs and changes their course; runs nothing.
    Tasks,
    /// Submits a job for others to run; runs nothing.
    Submit,
    /// Looks at plugins; runs nothing.
    Inspect,
}

impl Role {
    /// How long the start waits for plugins. A client is answered at once, whatever compiles, and who runs one waits for that
    /// alone. Who looks at plugins wants to see all of them, but not to wait for one that takes a compiler minutes.
    const fn patience(self) -> Duration {
        match self {
            Self::Serve | Self::Worker | Self::Behind | Self::Run | Self::Submit => Duration::ZERO,
            Self::Tasks => Duration::from_millis(500),
            Self::Inspect => Duration::from_secs(5),
        }
    }
}

/// A running host.
pub struct Host {
    service: Arc<TaskService>,
    sandbox: Sandbox,
    defaults: Policy,
    trust: Option<Trust>,
    // Keeps watching the plugin folder while it is here.
    _registry: Arc<PluginRegistry>,
    supervisor: Option<Supervisor>,
    attendance: Attendance,
    // Held for as long as anything of this process may hold a lease.
    _lock: Option<WorkerLock>,
}

impl Host {
    /// Opens the project's store, loads its plugins, and begins to work where the role says so.
    pub async fn start(config: &Config, role: Role) -> Result<Self> {
        memory::keep_giving_back();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let sqlite = parts::open_store(config, role)?;
        let store: Arc<dyn TaskStore> = Arc::clone(&sqlite) as _;
        let files: Arc<dyn ArtifactFiles> = Arc::new(LocalFiles::new(&config.store.files));
        let channels = channels::open(config)?;
        let options = SandboxOptions {
            recipients: Arc::new(channels::SinkRecipients::of(&channels)),
            ..parts::sandbox_options(config)
        };
        let sandbox = Sandbox::new(options, sqlite, Arc::clone(&files), Arc::clone(&clock))?;
        let trust = parts::trust(config)?;
        let options = RegistryOptions {
            dir: config.plugins.dir.clone(),
            defaults: config.defaults.clone(),
            trust: trust.clone(),
            patience: role.patience(),
        };
        let registry = PluginRegistry::start(&sandbox, options).await;
        let locks = WorkerLocks::beside(&config.store.path);
        let worker = parts::worker_id(role);
        let works = matches!(role, Role::Serve | Role::Worker | Role::Behind | Role::Run);
        let lock = works.then(|| parts::lock_of(config, &locks, &worker, clock.now())).flatten();
        let service_parts = ServiceParts {
            store,
            files,
            liveness: Arc::new(locks),
            catalog: Arc::clone(&registry) as Arc<dyn JobCatalog>,
            catalog_changes: registry.changes(),
            clock,
            hub: Hub::new(),
            running: Running::new(),
            payload_bytes_max: config.limits.payload_bytes_max,
            callbacks: channels::callbacks(config, &channels)?,
            zones: time_zones().clone(),
        };
        let service = TaskService::new(service_parts.clone());
        if matches!(role, Role::Serve | Role::Worker) {
            schedules::follow(&service, config).await?;
        }
        let attendance = Attendance::begin(config, role);
        let supervisor = works.then(|| {
            let options = parts::supervisor_options(config, role, worker, channels, attendance.stands_by());
            Supervisor::start(service_parts, options)
        });
        let defaults = config.defaults.clone();
        Ok(Self {
            service,
            sandbox,
            defaults,
            trust,
            _registry: registry,
            supervisor,
            attendance,
            _lock: lock,
        })
    }

    /// What fronts ask.
    pub fn service(&self) -> Arc<TaskService> {
        Arc::clone(&self.service)
    }

    /// Loads the plugin in a file that is not in the plugin folder, under the policy beside it, without offering it. One
    /// that the project does not accept is refused, for it would run.
    pub async fn load_plugin(&self, file: &Path) -> Result<Arc<LoadedJob>, Problem> {
        longshore_sandbox::load_plugin(&self.sandbox, file, &self.defaults, self.trust.as_ref()).await
    }

    /// Sees to it that somebody goes on with what has not ended once this process has: another process that works, or a
    /// worker that stays behind. Says whether somebody does. To be called before the work is ended.
    pub async fn leave_a_worker(&mut self, config: &Config) -> bool {
        let presence = self.attendance.end();
        behind::leave(config, presence, &self.service).await
    }

    /// Ends the work. Nothing acknowledged is lost, whatever the way.
    pub async fn shutdown(self, how: Shutdown) {
        let Self { supervisor, _lock: lock, .. } = self;
        if let Some(supervisor) = supervisor {
            supervisor.shutdown(how).await;
        }
        drop(lock);
    }
}

/// Runs the queries that come over standard input, in a process that does nothing else.
pub fn serve_queries() -> Result<()> {
    longshore_sandbox::query_child().context("cannot run queries")
}

/// Compiles the component in `input` to the file `output`, under limits on the whole process.
pub fn compile_component(input: &Path, output: &Path) -> Result<()> {
    // Where the file is would come back to clients as what the compiler said.
    longshore_sandbox::compile_child(input, output).context("cannot compile the component")
}
