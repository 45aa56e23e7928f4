//! The processes that work on a project now, and what each of them runs.

use anyhow::Result;
use longshore_domain::WorkerId;
use longshore_scheduler::{RunningHere, TaskService};

use super::presence::Presence;
use super::workers::{WorkerLocks, WorkerMark};
use crate::config::Config;

/// Attempts of a process that are shown at most: more than it may run.
const SHOWN_MAX: u32 = 10_000;

/// A process that works.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its name, as attempts have it.
    pub worker: String,
    /// Its process id.
    pub pid: u32,
    /// Which command it is: `serve`, `worker`, `run`, or `behind` for a worker that stays behind.
    pub role: String,
    /// Its version.
    pub version: String,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// Attempts that it runs at once, at most.
    pub slots: u32,
    /// Whether it has the version of this program and the configuration as the file is now.
    pub is_up_to_date: bool,
}

/// The processes that live, known by the locks that they hold. One that could take no lock is not among them.
pub fn living(config: &Config) -> Vec<Process> {
    let kind = Presence::of(config).kind();
    let process = |mark: WorkerMark| Process {
        pid: mark.pid,
        role: mark.worker.split('-').next().unwrap_or_default().to_owned(),
        version: mark.version,
        started_at: mark.started_at,
        slots: mark.slots,
        is_up_to_date: mark.kind == kind,
        worker: mark.worker,
    };
    WorkerLocks::beside(&config.store.path).living().into_iter().map(process).collect()
}

/// What a process runs, in the order in which its leases expire.
pub async fn running(service: &TaskService, process: &Process) -> Result<Vec<RunningHere>> {
    Ok(service.running_in(&WorkerId::new(process.worker.clone()), SHOWN_MAX).await?)
}
