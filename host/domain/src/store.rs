//! The questions that a [`TaskStore`](crate::TaskStore) answers, and its answers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    ArtifactRecord, AttemptRef, Code, ComponentSha, JobTypeName, NewMessage, Outcome, Owner, Progress,
    RateLimit, SavedArtifact, Task, TaskId, TaskState, Timestamp, Usage, WorkerId,
};

/// The store could not do what was asked; nothing of it happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another program holds the database; trying again may help.
    #[error("the task database is busy: {0}")]
    Busy(String),
    /// There is no room left to write.
    #[error("the disk of the task database is full ({0})")]
    Full(String),
    /// The file, its folder or its disk is read-only.
    #[error("the task database is read-only ({0})")]
    ReadOnly(String),
    /// The disk did not do what it was asked.
    #[error("the disk of the task database failed: {0}")]
    Disk(String),
    /// The files of the database are no longer where they were when they were opened.
    #[error("the task database was deleted or replaced while it was in use: {0}")]
    Replaced(String),
    /// The content of the file is not that of a sound database.
    #[error("the task database is damaged: {0}")]
    Corrupt(String),
    /// The file belongs to another program.
    #[error("{0}")]
    NotOurs(String),
    /// The database failed in another way.
    #[error("the task database failed: {0}")]
    Broken(String),
    /// A list was to go on where no page ended.
    #[error(
        "that is not where a page ended: give what the page before said comes next, or nothing to begin anew"
    )]
    NoSuchPage,
    /// The database was written by a newer Longshore.
    #[error(
        "the task database has schema {found}{}, and this is Longshore {}, which knows schema {known}: use a newer Longshore",
        by(version.as_deref()), env!("CARGO_PKG_VERSION")
    )]
    TooNew {
        /// Schema of the file.
        found: u32,
        /// Newest schema known here.
        known: u32,
        /// The version of Longshore that brought it there, if it says so.
        version: Option<String>,
    },
}

fn by(version: Option<&str>) -> String {
    version.map_or_else(String::new, |version| format!(", made by Longshore {version}"))
}

impl StoreError {
    /// The stable code that clients see.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Busy(_) => "store_busy",
            Self::Full(_) => "storage_full",
            Self::ReadOnly(_) => "storage_read_only",
            Self::Disk(_) => "storage_failed",
            Self::Replaced(_) => "database_replaced",
            Self::Corrupt(_) => "database_corrupt",
            Self::NotOurs(_) => "database_foreign",
            Self::TooNew { .. } => "database_too_new",
            Self::Broken(_) => "store_failed",
            Self::NoSuchPage => "invalid_arguments",
        }
    }

    /// What clients and jobs are told: the same without what may name files of the machine, which is for the operator.
    pub fn told(&self) -> String {
        match self {
            Self::Disk(_) => "the disk of the task database failed".into(),
            Self::ReadOnly(_) => "the task database is read-only".into(),
            Self::Replaced(_) => "the task database was deleted or replaced while it was in use".into(),
            Self::NotOurs(_) => "the file of the task database belongs to another program".into(),
            other => other.to_string(),
        }
    }

    /// Whether the cause lies outside of the database and may go, so that the same request may succeed then.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Full(_) | Self::ReadOnly(_) | Self::Disk(_) | Self::Replaced(_))
    }

    /// What whoever operates the host can do about it.
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Busy(_) => {
                Some("another program holds the task database; close it, and what waits goes on by itself")
            }
            Self::Full(_) => {
                Some("make room on the disk of the project's data folder; what waits goes on by itself")
            }
            Self::ReadOnly(_) => {
                Some("make the project's data folder, the database in it and their disk writable")
            }
            Self::Disk(_) => Some(
                "see that the disk of the project's data folder is there and well (`dmesg` may say more)",
            ),
            Self::Replaced(_) => Some(
                "put the files back that were there; or end all processes and put a backup in their place with `longshore restore \
                 FILE`, which also deals with the log beside",
            ),
            Self::Corrupt(_) => Some(
                "restore the database from a backup, or save what can be read of it: sqlite3 data/longshore.db .recover",
            ),
            Self::NotOurs(_) => {
                Some("name another file as `path` under [store] in longshore.toml, or move this one away")
            }
            Self::TooNew { .. } => Some("the file was not touched; start the Longshore that wrote it"),
            Self::Broken(_) | Self::NoSuchPage => None,
        }
    }
}

/// A task was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The same owner used the key for the same job type with another payload.
    #[error("idempotency key was used before with another payload, by job {existing}")]
    IdempotencyConflict {
        /// The task that has the key.
        existing: TaskId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A task that is durable now.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The task.
    pub task: Task,
    /// Whether it was there before, under the same idempotency key.
    pub deduplicated: bool,
}

/// Asks for work.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// The time of asking.
    pub now: Timestamp,
    /// Until when what is claimed is leased.
    pub lease_until: Timestamp,
    /// Tasks at most, over all job types.
    pub limit: u32,
    /// Which part of the limit is for whom only.
    pub kept: KeptSlots,
    /// Which job types, in the order in which they are served; the limit is shared between them fairly, one task of
    /// each in turn.
    pub job_types: Vec<JobTypeClaim>,
}

/// Slots that are kept for job types of which nothing runs at the claimant: each of those gets one task before the others
/// get any, and the others leave a slot to each that has got none, as far as so many are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptSlots {
    /// Slots that are kept; with none all job types are served alike.
    pub slots: u32,
    /// The job types of which something runs at the claimant.
    pub running: BTreeSet<JobTypeName>,
}

/// Asks for work of one job type.
#[derive(Clone, Debug)]
pub struct JobTypeClaim {
    /// The job type.
    pub name: JobTypeName,
    /// The component that will run it.
    pub component: ComponentSha,
    /// Attempts of it that may run at once over all workers.
    pub concurrency: Option<u32>,
    /// How often attempts of it may start over all workers.
    pub rate: Option<RateLimit>,
    /// Whether it has a circuit breaker, which may let fewer through.
    pub has_breaker: bool,
}

/// A task that is leased to whoever claimed it.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The attempt that begins.
    pub attempt: AttemptRef,
    /// Attempts that count for the retry policy, this one included: neither released ones nor those before a retry
    /// that somebody asked for.
    pub attempts_counted: u32,
    /// Whose task it is.
    pub owner: Owner,
    /// What kind of work it is.
    pub job_type: JobTypeName,
    /// The input, JSON text.
    pub payload: String,
    /// When the task was submitted.
    pub created_at: Timestamp,
    /// Since when it was queued for this attempt.
    pub queued_at: Timestamp,
    /// When its first attempt was claimed.
    pub first_started_at: Timestamp,
    /// Given up after.
    pub deadline_at: Option<Timestamp>,
    /// What to resume from; none if nothing was saved.
    pub checkpoint: Option<SavedCheckpoint>,
}

/// What the last save left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCheckpoint {
    /// Number of the attempt that saved it; artifacts are in that attempt's folder.
    pub attempt: u32,
    /// How many saves the task has made.
    pub saves: u32,
    /// The job's state.
    pub state: Vec<u8>,
    /// Whether the state is the one that was saved. If not, nothing can go on from it.
    pub is_sound: bool,
    /// Progress as it was.
    pub progress: Progress,
    /// Artifacts as they were.
    pub artifacts: Vec<SavedArtifact>,
    /// How many messages the task has committed.
    pub messages: u32,
}

/// What is told of the last save: all but the state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CheckpointSummary {
    /// Number of the attempt that saved it.
    pub attempt: u32,
    /// How many saves the task has made.
    pub saves: u32,
    /// Progress as it was.
    pub progress: Progress,
    /// Size of the job's state.
    pub state_bytes: u64,
    /// Artifacts as they were.
    pub artifacts: Vec<SavedArtifact>,
    /// How many messages the task had committed.
    pub messages: u32,
}

/// The effects of an attempt up to now, to become real together.
#[derive(Clone, Debug)]
pub struct Save {
    /// When.
    pub at: Timestamp,
    /// The job's state.
    pub state: Vec<u8>,
    /// Progress.
    pub progress: Progress,
    /// Every artifact of the task, with the bytes that are on disk.
    pub artifacts: Vec<SavedArtifact>,
    /// Messages sent since the last save.
    pub messages: Vec<NewMessage>,
}

/// What became of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveAnswer {
    /// It is durable.
    Saved {
        /// Whether a cancel of the task was asked.
        cancel_requested: bool,
    },
    /// The attempt no longer holds the lease. Nothing was written.
    Fenced,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct Finish {
    /// Which attempt.
    pub attempt: AttemptRef,
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// What becomes of the task.
    pub next: Next,
    /// What the attempt used.
    pub usage: Usage,
    /// Last progress. Recorded when the outcome is `Completed`, otherwise only shown.
    pub progress: Progress,
    /// Every artifact of the task with its digest. Only for `Completed`.
    pub artifacts: Vec<SavedArtifact>,
    /// Messages sent since the last save. Only for `Completed`.
    pub messages: Vec<NewMessage>,
    /// Why a sweeper may end it in place of its worker; `None` from the worker itself.
    pub recovery: Option<Recovery>,
}

/// What becomes of a task when an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It ends, with the attempt's outcome.
    End,
    /// Another attempt, not before this time. When a cancel was asked meanwhile the task ends as cancelled instead.
    RetryAt(Timestamp),
    /// Back to the queue as if it had not been claimed: the attempt does not count. (A drain, or no room.) When a
    /// cancel was asked meanwhile the task ends as cancelled instead.
    Release,
    /// As `Release`, not before this time, after a loss that is not held against the task: its outcome is kept as it is.
    ResumeAt(Timestamp),
}

/// Why an attempt may be ended by another process than its worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The lease expired at this time, as the sweeper read it ([`LostAttempt::lease_until`]).
    ///
    /// It must not have been renewed since: a sweeper may have stood still for so long that its own time says nothing.
    LeaseExpired(Timestamp),
    /// The process of this worker, which must still hold the attempt, has ended.
    WorkerGone(WorkerId),
}

/// What became of a finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishAnswer {
    /// It is durable, and the task is in this state now.
    Recorded(TaskState),
    /// The attempt no longer holds the lease. Nothing was written.
    Fenced,
}

/// Extends a lease, and shows progress to other processes.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// Which attempt.
    pub attempt: AttemptRef,
    /// Its progress now; none if it has not changed.
    pub progress: Option<Progress>,
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalAnswer {
    /// The lease goes on.
    Held {
        /// Whether a cancel of the task was asked.
        cancel_requested: bool,
    },
    /// The attempt no longer holds the lease.
    Lost,
}

/// An attempt whose lease expired, or whose worker's process has ended.
#[derive(Clone, Debug)]
pub struct LostAttempt {
    /// Which attempt.
    pub attempt: AttemptRef,
    /// Attempts that count for the retry policy, this one included.
    pub attempts_counted: u32,
    /// What kind of work it is.
    pub job_type: JobTypeName,
    /// Who held it.
    pub worker: WorkerId,
    /// When the attempt was claimed.
    pub started_at: Timestamp,
    /// When the task's first attempt was claimed.
    pub first_started_at: Timestamp,
    /// When the lease expires, or did.
    pub lease_until: Timestamp,
    /// Whether a cancel of the task was asked.
    pub cancel_requested: bool,
    /// Given up after.
    pub deadline_at: Option<Timestamp>,
    /// Progress of the last save.
    pub progress: Progress,
    /// Whether the task has saved since it was last lost, or at all if it never was.
    pub has_saved: bool,
    /// How often it was lost before since it saved last.
    pub losses: u32,
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It was waiting and is cancelled now.
    Cancelled,
    /// It is running and its worker will be told.
    Requested,
    /// It had ended before, in this state.
    AlreadyTerminal(TaskState),
    /// This owner has no such task.
    NotFound,
}

/// What became of a request to run a task again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAnswer {
    /// It is queued again, to resume from its last checkpoint, with its attempts counted anew.
    Queued,
    /// Only failed and cancelled tasks can be run again; this one is in that state.
    NotRetryable(TaskState),
    /// This owner has no such task.
    NotFound,
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Whose; everybody's when none.
    pub owner: Option<Owner>,
    /// In which state.
    pub state: Option<TaskState>,
    /// Of which kind.
    pub job_type: Option<JobTypeName>,
    /// Failed for good with which code.
    pub code: Option<Code>,
    /// Submitted then or later.
    pub created_from: Option<Timestamp>,
    /// Submitted before.
    pub created_before: Option<Timestamp>,
    /// Submitted by the schedule of this name.
    pub schedule: Option<String>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended, as it said in `next`.
    pub after: Option<String>,
}

/// A page of tasks, newest first. It may be shorter than asked for and have a next page all the same. Results and artifacts are left out of the tasks; ask for the one of interest.
#[derive(Clone, Debug)]
pub struct Page {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// How many tasks of a job type are in each live state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobTypeCounts {
    /// Due later.
    pub scheduled: u64,
    /// Waiting for a worker.
    pub queued: u64,
    /// Running.
    pub running: u64,
}

/// Counts by job type; a job type without live tasks is left out.
pub type LiveCounts = BTreeMap<JobTypeName, JobTypeCounts>;

/// The paused job types, and since when each is.
pub type PausedTypes = BTreeMap<JobTypeName, Timestamp>;

/// A completed task whose artifacts have not reached their final place yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// The task.
    pub task: TaskId,
    /// The attempt in whose folder the bytes are.
    pub attempt: u32,
    /// The artifacts.
    pub artifacts: Vec<ArtifactRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_of_no_file() {
        let path = || "there is no file at /home/ann/shop/data/longshore.db".to_owned();
        for error in [
            StoreError::Disk(path()),
            StoreError::ReadOnly(path()),
            StoreError::Replaced(path()),
            StoreError::NotOurs(path()),
        ] {
            assert!(!error.told().contains("/home") && error.to_string().contains("/home"), "{error}");
        }
        let busy = StoreError::Busy("database is locked".into());
        assert_eq!(busy.told(), busy.to_string());
    }
}
