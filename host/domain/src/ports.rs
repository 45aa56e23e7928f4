//! What the outer crates implement: the traits through which the floors meet.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    AlertPolicy, ArtifactPage, AttemptRecord, AttemptRef, BreakerPolicy, BreakerState, CancelAnswer, Catalog,
    CheckpointSummary, ClaimRequest, Claimed, ClaimedMessages, Failure, FailureWindow, Finish, FinishAnswer,
    IdPrefix, JobTypeClaim, JobTypeName, LiveCounts, LiveProgress, Lived, LoadedJob, LogLine, LostAttempt,
    MessageClaim, MessageFilter, MessagePage, NewMessage, NewTask, OutboxMessage, Owner, Page, PausedTypes,
    Progress, Renewal, RenewalAnswer, ResendAnswer, RetryAnswer, Save, SaveAnswer, SavedArtifact,
    ScheduleStore, SentMessages, StopReason, StopSignal, StoreError, SubmitError, Submitted, Task,
    TaskFilter, TaskId, Timestamp, Unpublished, Usage, WorkerId,
};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The part of a store that a running attempt writes to.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Makes the effects of an attempt real. When it returns they are on disk.
    async fn save(&self, attempt: AttemptRef, save: Save) -> Result<SaveAnswer, StoreError>;

    /// Adds lines to the log of a task. Not part of the commit rule: lines of a failed attempt stay.
    async fn append_log(&self, task: TaskId, lines: Vec<LogLine>) -> Result<(), StoreError>;

    /// The messages that a task has committed, without those of the host.
    async fn sent_messages(&self, task: TaskId) -> Result<SentMessages, StoreError>;
}

/// Where tasks are kept. Every write is guarded by state and attempt number, is durable when it returns, and happens
/// whole or not at all. Several processes may use one store at once.
#[async_trait]
pub trait TaskStore: CheckpointStore + ScheduleStore {
    /// Makes a task durable.
    async fn submit(&self, task: NewTask) -> Result<Submitted, SubmitError>;

    /// Takes due tasks in the order of their rank, and leases them.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError>;

    /// When the first of the queued tasks of these job types may start that only wait for a rate limit; none when none
    /// is queued.
    async fn next_start(
        &self,
        job_types: Vec<JobTypeClaim>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Ends an attempt.
    async fn finish(&self, finish: Finish) -> Result<FinishAnswer, StoreError>;

    /// Counts the end of an attempt for the circuit breaker of its job type, and says what the breaker remembers now.
    async fn note_outcome(
        &self,
        job_type: &JobTypeName,
        breaker: &BreakerPolicy,
        failed: bool,
        now: Timestamp,
    ) -> Result<BreakerState, StoreError>;

    /// Counts the end of an attempt of `task` for the alert of its job type, and says how many failed when it is now that
    /// they are too many. The message that tells of it, where there is a channel, is committed as one of that task.
    async fn note_failures(
        &self,
        job_type: &JobTypeName,
        alert: &AlertPolicy,
        failed: bool,
        task: TaskId,
        now: Timestamp,
    ) -> Result<Option<FailureWindow>, StoreError>;

    /// What the circuit breaker of a job type remembers.
    async fn breaker(&self, job_type: &JobTypeName) -> Result<BreakerState, StoreError>;

    /// Extends leases to `lease_until`; the answers are in the order of the renewals.
    async fn renew(
        &self,
        renewals: Vec<Renewal>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<RenewalAnswer>, StoreError>;

    /// Tasks that this worker runs and that somebody asked to cancel. A read, made often.
    async fn cancel_requests(&self, worker: &WorkerId) -> Result<Vec<TaskId>, StoreError>;

    /// Attempts whose lease expired by `now`, oldest first; also those whose last sign of life lies ahead of `now`, which
    /// is what a dead worker leaves when the clock is set back.
    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<LostAttempt>, StoreError>;

    /// Attempts that this worker holds, whose process has ended. Those whose lease expires first come first.
    async fn held_by(&self, worker: &WorkerId, limit: u32) -> Result<Vec<LostAttempt>, StoreError>;

    /// Moves scheduled tasks that are due to the queue, and says how many.
    async fn promote_due(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError>;

    /// Makes retries that a clock put off which was ahead of `now` wait from `now` on, and says how many. For a clock that
    /// was set back: they would wait for as long as that was.
    async fn bring_forward(&self, now: Timestamp) -> Result<u32, StoreError>;

    /// When the next scheduled task is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Fails waiting tasks (scheduled or queued) that are past their deadline, and says which.
    async fn fail_overdue(&self, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, StoreError>;

    /// Cancels a waiting task, or notes the wish for a running one.
    async fn cancel(
        &self,
        owner: Option<&Owner>,
        id: TaskId,
        now: Timestamp,
    ) -> Result<CancelAnswer, StoreError>;

    /// Queues a failed or cancelled task again.
    async fn retry(
        &self,
        owner: Option<&Owner>,
        id: TaskId,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError>;

    /// The task, if there is one of that owner (of anybody when none is given).
    async fn get(&self, owner: Option<&Owner>, id: TaskId) -> Result<Option<Task>, StoreError>;

    /// Tasks whose id begins so, in the order of their ids, `limit` at most.
    async fn find(&self, owner: &Owner, prefix: &IdPrefix, limit: u32) -> Result<Vec<Task>, StoreError>;

    /// Lists tasks, newest first.
    async fn list(&self, filter: TaskFilter) -> Result<Page, StoreError>;

    /// The attempts of a task, oldest first, the running one last.
    async fn attempts(&self, id: TaskId) -> Result<Vec<AttemptRecord>, StoreError>;

    /// The last save of a task, if it has one and has not completed.
    async fn checkpoint(&self, id: TaskId) -> Result<Option<CheckpointSummary>, StoreError>;

    /// Lines of a task's log from line `from` (0 is the first), oldest first.
    async fn log(&self, id: TaskId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError>;

    /// Artifacts of the completed tasks of an owner, those of the newest task first. `after` is `next` of the page before;
    /// anything else is `NoSuchPage`.
    async fn artifacts(
        &self,
        owner: &Owner,
        after: Option<String>,
        limit: u32,
    ) -> Result<ArtifactPage, StoreError>;

    /// How many tasks wait and run, by job type.
    async fn live_counts(&self) -> Result<LiveCounts, StoreError>;

    /// Starts no more tasks of a job type, in any process, from when this returns until it is resumed. What runs goes on.
    /// False if it was paused before.
    async fn pause(&self, job_type: &JobTypeName, now: Timestamp) -> Result<bool, StoreError>;

    /// Starts tasks of a job type again. False if it was not paused.
    async fn resume(&self, job_type: &JobTypeName) -> Result<bool, StoreError>;

    /// The paused job types, and since when each is.
    async fn paused(&self) -> Result<PausedTypes, StoreError>;

    /// A number that changes whenever another process wrote to the store.
    async fn foreign_changes(&self) -> Result<u64, StoreError>;

    /// Completed tasks whose artifacts have not been moved to their final place.
    async fn unpublished(&self, limit: u32) -> Result<Vec<Unpublished>, StoreError>;

    /// Notes that the artifacts of a task are in their final place.
    async fn mark_published(&self, task: TaskId) -> Result<(), StoreError>;

    /// Notes that somebody works on the project at `now`, and returns the time that it has lived through. Finished tasks are
    /// kept by that.
    async fn lived(&self, now: Timestamp) -> Result<Lived, StoreError>;

    /// Forgets finished tasks whose time is over at `now`, which [`lived`](Self::lived) returned, `limit` at most, with everything that belongs to them, and says how
    /// many. One with a message that is not delivered yet, or artifacts that are not published, is kept.
    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError>;

    /// Tasks that were pruned and whose files may still be there.
    async fn pruned(&self, limit: u32) -> Result<Vec<TaskId>, StoreError>;

    /// Notes that the files of pruned tasks are gone.
    async fn files_are_gone(&self, tasks: Vec<TaskId>) -> Result<(), StoreError>;

    /// The channels that have messages which are due. A read, made often.
    async fn due_channels(&self, now: Timestamp) -> Result<Vec<String>, StoreError>;

    /// Takes messages of one channel to deliver, as many as its rate lets through.
    async fn claim_messages(&self, claim: MessageClaim) -> Result<ClaimedMessages, StoreError>;

    /// Notes that a message was delivered.
    async fn message_delivered(&self, id: Uuid, now: Timestamp) -> Result<(), StoreError>;

    /// Notes that try number `tries` of a message failed: the next one is at `retry_at`, or never when none. It says
    /// nothing when another try has begun since, because whoever makes that one will say how it ended.
    async fn message_failed(
        &self,
        id: Uuid,
        tries: u32,
        error: String,
        retry_at: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// Lets messages be tried at once whose try was under way in this worker, whose process has ended, and returns how
    /// many. The try is not counted, up to [`LOST_TRIES_MAX`](crate::LOST_TRIES_MAX) of a message.
    async fn free_messages(&self, worker: &WorkerId, now: Timestamp) -> Result<u32, StoreError>;

    /// The messages of a task, in the order of their commit.
    async fn messages(&self, task: TaskId) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Lists messages of all tasks, newest first.
    async fn list_messages(&self, filter: MessageFilter) -> Result<MessagePage, StoreError>;

    /// Messages whose id begins so, in the order of their ids, `limit` at most.
    async fn find_messages(&self, prefix: &IdPrefix, limit: u32) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Sends a message again that was given up.
    async fn resend_message(&self, id: Uuid, now: Timestamp) -> Result<ResendAnswer, StoreError>;

    /// Sends every message again that was given up, and says how many.
    async fn resend_dead(&self, now: Timestamp) -> Result<u64, StoreError>;
}

/// Where artifact files are kept. Each attempt writes in a folder of its own, so that an attempt whose lease was taken
/// over cannot touch what its successor writes.
pub trait ArtifactFiles: Send + Sync {
    /// Opens the folder of an attempt. Artifacts that `resume` lists are copied from the folder of the attempt that
    /// saved them, cut to their saved length; no other file is there.
    fn open_attempt(
        &self,
        attempt: AttemptRef,
        resume: Option<(u32, &[SavedArtifact])>,
    ) -> io::Result<Box<dyn AttemptFiles>>;

    /// Deletes what an attempt that is over wrote beyond `kept`, which is what its last save recorded. What an attempt
    /// without an end wrote is useless to its successor, and on a full disk in its way. Can be repeated.
    fn abandon(&self, attempt: AttemptRef, kept: &[SavedArtifact]) -> io::Result<()>;

    /// Moves the artifacts of a completed task to their final place and deletes its other files. Can be repeated.
    fn publish(&self, unpublished: &Unpublished) -> io::Result<()>;

    /// Deletes all files of a task that is no more. Can be repeated.
    fn discard(&self, task: TaskId) -> io::Result<()>;

    /// Brings to disk what [`discard`](Self::discard) deleted, so that it does not come back with a power loss.
    fn sync_discarded(&self) -> io::Result<()> {
        Ok(())
    }

    /// Fails when an artifact in its final place is not what was recorded: with `InvalidData` when it is another, with
    /// `NotFound` when it is gone. Reads the whole file, or only looks at its length.
    fn check(&self, task: TaskId, artifact: &SavedArtifact, look: Look) -> io::Result<()>;

    /// The bytes of an artifact in its final place, checked as [`check`](Self::check) does.
    fn read(&self, task: TaskId, artifact: &SavedArtifact) -> io::Result<Vec<u8>>;

    /// Final path of an artifact. It is there once the task is completed and published.
    fn path(&self, task: TaskId, name: &str) -> PathBuf;
}

/// How closely an artifact is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// That it is there, and how long it is.
    Length,
    /// Every byte, by its digest.
    Content,
}

/// The artifact files of one running attempt.
pub trait AttemptFiles: Send {
    /// Opens an artifact to write to, a new one or one that was resumed, and gives its handle.
    fn open(&mut self, name: &str, media_type: &str) -> io::Result<usize>;

    /// Bytes in the artifact.
    fn position(&self, handle: usize) -> u64;

    /// Adds bytes at its end.
    fn write(&mut self, handle: usize, bytes: &[u8]) -> io::Result<()>;

    /// Empties it. Not after a [`sync`](Self::sync) that a save recorded: that state must stay on disk.
    fn clear(&mut self, handle: usize) -> io::Result<()>;

    /// How many artifacts there are, and their bytes together.
    fn totals(&self) -> (u32, u64);

    /// Brings everything written so far to disk, and lists all artifacts with the digests of what they are so far.
    fn sync(&mut self) -> io::Result<Vec<SavedArtifact>>;

    /// As `sync`. No artifact is written to afterwards.
    fn seal(&mut self) -> io::Result<Vec<SavedArtifact>>;

    /// Deletes the folders of earlier attempts, once a save of this one is durable.
    fn drop_earlier(&mut self) -> io::Result<()>;
}

/// The live job types.
pub trait JobCatalog: Send + Sync {
    /// The catalog as it is now.
    fn current(&self) -> Arc<Catalog>;
}

/// A place where an input does not fit its schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputViolation {
    /// The field, as a JSON Pointer: `/month`; empty for the whole.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The code of one version of a job type.
#[async_trait]
pub trait JobProgram: Send + Sync {
    /// Checks an input against the job type's schema; the list of violations is empty when it fits.
    async fn check_input(&self, input: &Value) -> Vec<InputViolation>;

    /// Runs one attempt to its end. It keeps to the limits of its policy by itself and never panics on what a guest
    /// does. What it returns is not real before the caller has recorded it.
    async fn run(&self, request: RunRequest) -> RunReport;
}

/// An attempt to run.
pub struct RunRequest {
    /// The task and what to resume from.
    pub claimed: Claimed,
    /// The job type as it was when the attempt was claimed.
    pub job: Arc<LoadedJob>,
    /// Where the job reports progress to.
    pub progress: Arc<LiveProgress>,
    /// Tells the job to stop.
    pub stop: Arc<StopSignal>,
}

/// How an attempt went.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// How it ended.
    pub outcome: RunOutcome,
    /// What it used.
    pub usage: Usage,
    /// Progress at its end.
    pub progress: Progress,
    /// Artifacts, on disk and with digests; only when it completed.
    pub artifacts: Vec<SavedArtifact>,
    /// Messages sent since the last save; only when it completed.
    pub messages: Vec<NewMessage>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Well, with this result (JSON text).
    Completed(String),
    /// Badly.
    Failed(Failure),
    /// It stopped because it was told to.
    Stopped(StopReason),
    /// It was told to stop, did not in its grace period, and was ended.
    Interrupted(StopReason),
    /// The sandbox had no room to start it; nothing ran.
    NoRoom,
}

/// Delivers the messages of one channel.
#[async_trait]
pub trait MessageSink: Send + Sync {
    /// Whether messages to `recipient` may be sent at all, as far as can be said without sending one.
    fn accepts(&self, _recipient: &str) -> Result<(), DeliveryError> {
        Ok(())
    }

    /// Delivers a message. Delivering the same id twice must be the same as once, as far as the sink can see to it.
    /// Whoever calls limits the time: the future may be dropped at any point, and the message is tried again then.
    async fn deliver(&self, message: &OutboxMessage, now: Timestamp) -> Result<(), DeliveryError>;
}

/// A message was not delivered.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct DeliveryError {
    /// What went wrong. It is kept and shown, so there is no secret in it.
    pub message: String,
    /// Whether another try may help.
    pub retryable: bool,
    /// How long the receiver asks to wait before that.
    pub retry_after: Option<Duration>,
}

impl DeliveryError {
    /// A failure that another try may mend.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: true, retry_after: None }
    }

    /// A failure that would only happen again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: false, retry_after: None }
    }
}
