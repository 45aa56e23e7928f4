//! A scheduler whose time, jobs and catalog are the test's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longshore_domain::{
    ArtifactFiles, Code, ComponentSha, Failure, InputViolation, JobProgram, Owner, Policy, RunOutcome,
    RunReport, RunRequest, TaskId, TaskStore, TimeZones, Usage, WorkerId,
};
use longshore_scheduler::{
    Dispatcher, DispatcherOptions, Hub, Running, ServiceParts, SubmitRequest, Sweeper, TaskService,
    TaskStatus, Timekeeper,
};
use longshore_store::{LocalFiles, SqliteStore, StoreOptions};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::common::{Gone, ManualClock, Shelf, loaded};

pub(crate) const LEASE: Duration = Duration::from_secs(6);

/// A job that does what its payload says: `{"do": …}`.
#[derive(Default)]
struct Scripted {
    released: Notify,
}

#[async_trait]
impl JobProgram for Scripted {
    async fn check_input(&self, input: &Value) -> Vec<InputViolation> {
        if input.is_object() {
            Vec::new()
        } else {
            vec![InputViolation { field: String::new(), message: "not an object".into() }]
        }
    }

    async fn run(&self, request: RunRequest) -> RunReport {
        let payload: Value = serde_json::from_str(&request.claimed.payload).unwrap();
        let outcome = match payload["do"].as_str().unwrap_or("complete") {
            "retry" => RunOutcome::Failed(Failure::new(Code::JobRetry, "not yet")),
            "retry_once" if request.claimed.attempt.number == 1 => {
                RunOutcome::Failed(Failure::new(Code::JobRetry, "not yet"))
            }
            "no_room_once" if request.claimed.attempt.number == 1 => RunOutcome::NoRoom,
            "complete" | "retry_once" | "no_room_once" => RunOutcome::Completed("{}".into()),
            "fail" => RunOutcome::Failed(Failure::new(Code::JobFailed, "never")),
            "panic" => panic!("the script says so"),
            "wait" => tokio::select! {
                () = self.released.notified() => RunOutcome::Completed("{}".into()),
                reason = request.stop.stopped() => RunOutcome::Stopped(reason),
            },
            other => panic!("no such script: {other}"),
        };
        RunReport {
            outcome,
            usage: Usage::default(),
            progress: request.progress.latest(),
            artifacts: Vec::new(),
            messages: Vec::new(),
        }
    }
}

/// One process: its service and its loops, on a store that may be shared.
pub(crate) struct Process {
    pub(crate) worker: WorkerId,
    pub(crate) parts: ServiceParts,
    pub(crate) service: Arc<TaskService>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) sweeper: Sweeper,
    pub(crate) timekeeper: Timekeeper,
    shelf: Arc<Shelf>,
    program: Arc<Scripted>,
}

impl Process {
    /// Makes the job type `job` known, with this policy.
    pub(crate) fn load(&self, name: &str, policy: Policy) {
        let job = loaded(name, policy, ComponentSha::new("0".repeat(64)), self.program.clone());
        self.shelf.change(|jobs| jobs.insert(job.job_type.name.clone(), Arc::new(job)));
    }

    /// Takes every job type away.
    pub(crate) fn unload_all(&self) {
        self.shelf.change(BTreeMap::clear);
    }

    /// Lets one waiting job complete.
    pub(crate) fn let_one_go(&self) {
        self.program.released.notify_one();
    }

    /// Submits a task that follows this script.
    pub(crate) async fn submit(&self, job_type: &str, script: &str) -> TaskId {
        self.submit_request(SubmitRequest {
            job_type: job_type.into(),
            payload: json!({ "do": script }),
            ..SubmitRequest::default()
        })
        .await
    }

    pub(crate) async fn submit_request(&self, request: SubmitRequest) -> TaskId {
        self.service.submit(&Owner::local(), request).await.unwrap().status.task.id
    }

    /// Claims once and says how many attempts began.
    pub(crate) async fn claim(&self) -> u32 {
        self.dispatcher.tick(self.parts.clock.now()).await.unwrap()
    }

    /// Claims once and waits until nothing runs.
    pub(crate) async fn claim_and_run(&self) -> u32 {
        let claimed = self.claim().await;
        self.dispatcher.idle().await;
        claimed
    }

    pub(crate) async fn status(&self, id: TaskId) -> TaskStatus {
        self.service.status(&Owner::local(), id).await.unwrap()
    }
}

/// A store and its clock; processes come and go.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) gone: Arc<Gone>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Arc::default(), gone: Arc::default() }
    }

    pub(crate) fn store(&self) -> Arc<SqliteStore> {
        SqliteStore::open(self.folder.path().join("longshore.db"), StoreOptions::default()).unwrap()
    }

    pub(crate) fn folder(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a process with so many slots, and the job type `job` loaded.
    pub(crate) fn process(&self, name: &str, slots: u32) -> Process {
        let shelf = Arc::new(Shelf::default());
        let (_changes, catalog_changes) = watch::channel(0);
        let parts = ServiceParts {
            store: self.store() as Arc<dyn TaskStore>,
            files: Arc::new(LocalFiles::new(self.folder.path())) as Arc<dyn ArtifactFiles>,
            liveness: self.gone.clone(),
            catalog: shelf.clone(),
            catalog_changes,
            clock: self.clock.clone(),
            hub: Hub::new(),
            running: Running::new(),
            payload_bytes_max: 1 << 20,
            callbacks: None,
            zones: TimeZones::bundled(),
        };
        let worker = WorkerId::new(name);
        let options = DispatcherOptions { worker: worker.clone(), slots, lease: LEASE };
        let process = Process {
            worker,
            service: TaskService::new(parts.clone()),
            dispatcher: Dispatcher::new(parts.clone(), options),
            sweeper: Sweeper::new(parts.clone()),
            timekeeper: Timekeeper::new(parts.clone()),
            parts,
            shelf,
            program: Arc::default(),
        };
        process.load("job", Policy::default());
        process
    }
}

/// Counts of a list, for short assertions.
pub(crate) fn count<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}
