//! What a front asks: submit a task, look at it, wait for it, cancel it.

use std::sync::Arc;
use std::time::Duration;

use longshore_domain::{
    ArtifactFiles, ArtifactPage, AttemptRecord, AttemptRef, CancelAnswer, Catalog, CheckpointSummary, Clock,
    IdPrefix, JobCatalog, JobTypeName, LOADING, LiveCounts, LogLine, LostAttempt, MessageFilter, MessagePage,
    MessageSink, OutboxMessage, Owner, Page, ResendAnswer, RetryAnswer, StopReason, Task, TaskFilter, TaskId,
    TaskState, TaskStore, TimeZones, Timestamp, WorkerId, WorkerLiveness,
};
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use crate::durations::Durations;
use crate::ends::log_end_of_waiting;
use crate::publisher::Publisher;
use crate::running::Running;
use crate::status::{poll_after_ms, waiting_reason};
use crate::{ArtifactFile, Hub, ServiceError, TaskStatus, TaskWatch};

/// How long a submission waits for a plugin that is being compiled. Together with the wait for its job it is less than
/// clients wait for an answer.
const LOADING_MAX: Duration = Duration::from_millis(1_500);

/// What the service is made of.
#[derive(Clone)]
pub struct ServiceParts {
    /// Where tasks are kept.
    pub store: Arc<dyn TaskStore>,
    /// Where artifact files are kept.
    pub files: Arc<dyn ArtifactFiles>,
    /// Which workers have ended.
    pub liveness: Arc<dyn WorkerLiveness>,
    /// The live job types.
    pub catalog: Arc<dyn JobCatalog>,
    /// Revision of the catalog, which changes with it.
    pub catalog_changes: watch::Receiver<u64>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who waits for which task.
    pub hub: Arc<Hub>,
    /// The attempts that run in this process.
    pub running: Arc<Running>,
    /// Largest payload taken, in bytes of JSON.
    pub payload_bytes_max: u64,
    /// Through which channel the ends of tasks are told; callers cannot ask for that when none.
    pub callbacks: Option<CallbackChannel>,
    /// The time zones of schedules.
    pub zones: TimeZones,
}

/// The channel that tells of the ends of tasks.
#[derive(Clone)]
pub struct CallbackChannel {
    /// Its name.
    pub name: String,
    /// What knows which recipients it may have.
    pub sink: Arc<dyn MessageSink>,
}

/// Asks for a job.
#[derive(Clone, Debug, Default)]
pub struct SubmitRequest {
    /// Name of the job type.
    pub job_type: String,
    /// The input.
    pub payload: Value,
    /// Submitting the same key with the same payload again gives the same task.
    pub idempotency_key: Option<String>,
    /// The task is given up when it has not ended by then.
    pub max_wait: Option<Duration>,
    /// Not to be started before.
    pub run_at: Option<Timestamp>,
    /// Not to be started before this much later; not together with `run_at`.
    pub delay: Option<Duration>,
    /// Higher runs first, from -100 to 100.
    pub priority: i32,
    /// A URL to post to when the task has ended.
    pub callback_url: Option<String>,
}

/// A task that is durable now.
#[derive(Clone, Debug)]
pub struct SubmittedStatus {
    /// The task.
    pub status: TaskStatus,
    /// Whether it was there before, under the same idempotency key.
    pub deduplicated: bool,
}

/// An attempt that a certain worker runs.
#[derive(Clone, Debug)]
pub struct RunningHere {
    /// The attempt.
    pub attempt: AttemptRef,
    /// What kind of work it is.
    pub job_type: JobTypeName,
    /// When it was claimed.
    pub started_at: Timestamp,
}

/// Everything that a front can ask. It holds no state of its own: what it answers is what the store knows.
#[derive(Clone)]
pub struct TaskService {
    pub(crate) parts: ServiceParts,
    publisher: Publisher,
    durations: Arc<Durations>,
}

impl TaskService {
    /// A service made of `parts`.
    pub fn new(parts: ServiceParts) -> Arc<Self> {
        let publisher = Publisher::new(Arc::clone(&parts.store), Arc::clone(&parts.files));
        Arc::new(Self { parts, publisher, durations: Arc::default() })
    }

    /// Checks a request and makes it a durable task. When this returns, the task survives anything.
    pub async fn submit(
        &self,
        owner: &Owner,
        request: SubmitRequest,
    ) -> Result<SubmittedStatus, ServiceError> {
        self.until_loaded(&request.job_type).await;
        let now = self.parts.clock.now();
        let task = self.parts.admit(owner, request, now).await?;
        let waits = task.run_at.is_some();
        let submitted = self.parts.store.submit(task).await?;
        if !submitted.deduplicated && !waits {
            self.parts.hub.work_added();
        }
        let status = self.describe(submitted.task).await?;
        Ok(SubmittedStatus { status, deduplicated: submitted.deduplicated })
    }

    /// Waits for a plugin that is being compiled, as long as a caller can.
    pub(crate) async fn until_loaded(&self, job_type: &str) {
        self.loaded(LOADING_MAX, |catalog| !catalog.is_loading(job_type)).await;
    }

    /// How a task is now.
    pub async fn status(&self, owner: &Owner, id: TaskId) -> Result<TaskStatus, ServiceError> {
        let task = self.parts.store.get(Some(owner), id).await?.ok_or(ServiceError::NotFound { id })?;
        self.describe(task).await
    }

    /// Waits until a task has ended or asks a question, `timeout` at most, and returns its status then.
    pub async fn wait_for_end(
        &self,
        owner: &Owner,
        id: TaskId,
        timeout: Duration,
    ) -> Result<TaskStatus, ServiceError> {
        let mut watch = self.watch(id);
        let waits = |status: &TaskStatus| {
            !status.task.state.is_terminal() && status.task.state != TaskState::InputRequired
        };
        let first = self.status(owner, id).await?;
        if !waits(&first) || timeout.is_zero() {
            return Ok(first);
        }
        let ended = tokio::time::timeout(timeout, async {
            loop {
                watch.changed().await;
                let status = self.status(owner, id).await?;
                if !waits(&status) {
                    return Ok(status);
                }
            }
        });
        match ended.await {
            Ok(status) => status,
            Err(_elapsed) => self.status(owner, id).await,
        }
    }

    /// Watches a task from now on. Whether the owner may see it is asked when its status is.
    pub fn watch(&self, id: TaskId) -> TaskWatch {
        self.parts.hub.watch(id)
    }

    /// Cancels a task: at once while it waits; a running job is told, and is interrupted after its grace period.
    pub async fn cancel(&self, owner: &Owner, id: TaskId) -> Result<CancelAnswer, ServiceError> {
        let answer = self.parts.store.cancel(Some(owner), id, self.parts.clock.now()).await?;
        match answer {
            CancelAnswer::NotFound => return Err(ServiceError::NotFound { id }),
            CancelAnswer::Requested => self.parts.running.stop(id, StopReason::Cancelled),
            CancelAnswer::Cancelled => {
                let task = self.parts.store.get(None, id).await.ok().flatten();
                log_end_of_waiting(id, TaskState::Cancelled, None, task.as_ref());
            }
            CancelAnswer::AlreadyTerminal(_) => {}
        }
        self.parts.hub.changed(id);
        Ok(answer)
    }

    /// Runs a failed or cancelled task again, from its last checkpoint.
    pub async fn retry(&self, owner: &Owner, id: TaskId) -> Result<TaskStatus, ServiceError> {
        match self.parts.store.retry(Some(owner), id, self.parts.clock.now()).await? {
            RetryAnswer::Queued => {
                self.parts.hub.work_added();
                self.parts.hub.changed(id);
                self.status(owner, id).await
            }
            RetryAnswer::NotRetryable(state) => Err(ServiceError::NotRetryable { id, state }),
            RetryAnswer::NotFound => Err(ServiceError::NotFound { id }),
        }
    }

    /// Tasks whose id begins so, in the order of their ids, `limit` at most.
    pub async fn find(
        &self,
        owner: &Owner,
        prefix: &IdPrefix,
        limit: u32,
    ) -> Result<Vec<Task>, ServiceError> {
        Ok(self.parts.store.find(owner, prefix, limit).await?)
    }

    /// Lists tasks, newest first.
    pub async fn list(&self, filter: TaskFilter) -> Result<Page, ServiceError> {
        let mut page = self.parts.store.list(filter.clone()).await?;
        // The store looks at so many tasks at a time, and may have found fewer than there are.
        while (page.tasks.len() as u32) < filter.limit
            && let Some(after) = page.next.take()
        {
            let limit = filter.limit - page.tasks.len() as u32;
            let more =
                self.parts.store.list(TaskFilter { limit, after: Some(after), ..filter.clone() }).await?;
            page.tasks.extend(more.tasks);
            page.next = more.next;
        }
        for task in &mut page.tasks {
            self.show_live_progress(task);
        }
        Ok(page)
    }

    /// The time by the clock that tasks are dated with.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// What is told of a task that was listed.
    pub fn describe_listed(&self, task: Task) -> TaskStatus {
        self.durations.learn(&task);
        let typical = self.durations.typical(&task.job_type);
        let poll_after_ms = poll_after_ms(&task, typical, self.parts.clock.now());
        let waiting = waiting_reason(&task, &self.catalog());
        TaskStatus { task, waiting, poll_after_ms, artifacts: Vec::new() }
    }

    /// Artifacts of the owner's completed tasks, those of the newest task first.
    pub async fn artifacts(
        &self,
        owner: &Owner,
        after: Option<String>,
        limit: u32,
    ) -> Result<ArtifactPage, ServiceError> {
        Ok(self.parts.store.artifacts(owner, after, limit).await?)
    }

    /// Whether the end of a job can be posted to a URL that the caller names.
    pub fn offers_callbacks(&self) -> bool {
        self.parts.callbacks.is_some()
    }

    /// How many tasks of each job type wait and run, whoever's they are.
    pub async fn live_counts(&self) -> Result<LiveCounts, ServiceError> {
        Ok(self.parts.store.live_counts().await?)
    }

    /// Whether the project needs a process that works: something runs, waits in the queue for a plugin that is there
    /// and not paused, or is due within `ahead`, be it a job or a message.
    pub async fn has_work(&self, ahead: Duration) -> Result<bool, ServiceError> {
        if !self.parts.running.is_empty() {
            return Ok(true);
        }
        let (store, until) = (&self.parts.store, self.parts.clock.now().after(ahead));
        if store.next_due().await?.is_some_and(|due| due <= until)
            || !store.due_channels(until).await?.is_empty()
        {
            return Ok(true);
        }
        let (catalog, paused) = (self.catalog(), store.paused().await?);
        let live = store.live_counts().await?;
        Ok(live.iter().any(|(name, counts)| {
            let may_start = catalog.will_run(name.as_str()) && !paused.contains_key(name);
            counts.running > 0 || (counts.queued > 0 && may_start)
        }))
    }

    /// What a worker runs, `limit` at most.
    pub async fn running_in(&self, worker: &WorkerId, limit: u32) -> Result<Vec<RunningHere>, ServiceError> {
        let held = self.parts.store.held_by(worker, limit).await?;
        let one = |held: LostAttempt| RunningHere {
            attempt: held.attempt,
            job_type: held.job_type,
            started_at: held.started_at,
        };
        Ok(held.into_iter().map(one).collect())
    }

    /// Whether no attempt runs in this process.
    pub fn runs_nothing(&self) -> bool {
        self.parts.running.is_empty()
    }

    /// The attempts of a task, oldest first.
    pub async fn attempts(&self, owner: &Owner, id: TaskId) -> Result<Vec<AttemptRecord>, ServiceError> {
        self.status(owner, id).await?;
        Ok(self.parts.store.attempts(id).await?)
    }

    /// The last save of a task, if it has one and has not completed.
    pub async fn checkpoint(
        &self,
        owner: &Owner,
        id: TaskId,
    ) -> Result<Option<CheckpointSummary>, ServiceError> {
        self.status(owner, id).await?;
        Ok(self.parts.store.checkpoint(id).await?)
    }

    /// Lines of a task's log from line `from` (0 is the first), oldest first.
    pub async fn log(
        &self,
        owner: &Owner,
        id: TaskId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<LogLine>, ServiceError> {
        self.status(owner, id).await?;
        Ok(self.parts.store.log(id, from, limit).await?)
    }

    /// The messages of a task.
    pub async fn messages(&self, owner: &Owner, id: TaskId) -> Result<Vec<OutboxMessage>, ServiceError> {
        self.status(owner, id).await?;
        Ok(self.parts.store.messages(id).await?)
    }

    /// Lists messages of all tasks and owners, newest first: for whoever operates the host.
    pub async fn list_messages(&self, filter: MessageFilter) -> Result<MessagePage, ServiceError> {
        Ok(self.parts.store.list_messages(filter).await?)
    }

    /// Messages of all tasks and owners whose id begins so, in the order of their ids, `limit` at most.
    pub async fn find_messages(
        &self,
        prefix: &IdPrefix,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, ServiceError> {
        Ok(self.parts.store.find_messages(prefix, limit).await?)
    }

    /// Sends a message again that was given up.
    pub async fn resend_message(&self, id: Uuid) -> Result<ResendAnswer, ServiceError> {
        let answer = self.parts.store.resend_message(id, self.parts.clock.now()).await?;
        self.parts.hub.mail_added();
        Ok(answer)
    }

    /// Sends every message again that was given up, and says how many.
    pub async fn resend_dead(&self) -> Result<u64, ServiceError> {
        let count = self.parts.store.resend_dead(self.parts.clock.now()).await?;
        self.parts.hub.mail_added();
        Ok(count)
    }

    /// A finished artifact.
    pub async fn artifact(
        &self,
        owner: &Owner,
        id: TaskId,
        name: &str,
    ) -> Result<ArtifactFile, ServiceError> {
        let status = self.status(owner, id).await?;
        let available = status.artifacts.iter().map(|file| file.record.name.clone()).collect();
        status
            .artifacts
            .into_iter()
            .find(|file| file.record.name == name)
            .ok_or_else(|| ServiceError::ArtifactNotFound { id, name: name.into(), available })
    }

    /// The bytes of a finished artifact. They are read whole, and are what the job made, or there is an error.
    pub async fn read_artifact(&self, id: TaskId, file: ArtifactFile) -> Result<Vec<u8>, ServiceError> {
        self.publisher.read(id, file.record).await
    }

    /// The status with every byte of the artifacts looked at, which takes as long as reading them.
    pub async fn check_artifacts(&self, mut status: TaskStatus) -> TaskStatus {
        status.artifacts = self.publisher.check(status.task.id, status.artifacts).await;
        status
    }

    /// The live job types.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.parts.catalog.current()
    }

    /// Waits until every plugin is loaded, as far as it can be, `most` at most.
    pub async fn all_loaded(&self, most: Duration) {
        self.loaded(most, |catalog| !catalog.problems.values().any(|problem| problem.code == LOADING)).await;
    }

    /// Waits until the plugin of that name is loaded, or cannot be.
    pub async fn one_loaded(&self, name: &str) {
        self.loaded(Duration::MAX, |catalog| !catalog.is_loading(name)).await;
    }

    async fn loaded(&self, most: Duration, enough: impl Fn(&Catalog) -> bool + Send) {
        if enough(&self.catalog()) {
            return;
        }
        let mut changes = self.catalog_changes();
        let _ = tokio::time::timeout(most, async {
            changes.mark_unchanged();
            while !enough(&self.catalog()) && changes.changed().await.is_ok() {}
        })
        .await;
    }

    /// The revision of the catalog, which changes with it.
    pub fn catalog_changes(&self) -> watch::Receiver<u64> {
        self.parts.catalog_changes.clone()
    }

    async fn describe(&self, mut task: Task) -> Result<TaskStatus, ServiceError> {
        self.show_live_progress(&mut task);
        let artifacts = if task.state == TaskState::Completed && !task.artifacts.is_empty() {
            self.publisher.shown(&task).await
        } else {
            Vec::new()
        };
        Ok(TaskStatus { artifacts, ..self.describe_listed(task) })
    }

    fn show_live_progress(&self, task: &mut Task) {
        if task.state == TaskState::Running
            && let Some(live) =
                self.parts.running.progress(AttemptRef { task: task.id, number: task.attempts })
        {
            task.progress = live;
        }
    }
}
