//! What the simulation knows besides the tables: the calls of the store and its answers, as they happened at the store
//! itself, and what outside systems have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use longshore_domain::{
    AttemptRef, CancelAnswer, ClaimRequest, Claimed, Finish, FinishAnswer, Fire, FireAnswer, JobTypeName,
    NewTask, OutboxMessage, Overlap, RenewalAnswer, RetryAnswer, Save, SaveAnswer, TaskId, Timestamp,
    WorkerId,
};
use uuid::Uuid;

/// A call that may have written, and what the store answered.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Submit(NewTask, Taken),
    Fire(Fire, FireAnswer),
    Claim(ClaimRequest, Vec<Claimed>),
    Save(AttemptRef, Save, SaveAnswer),
    Finish(Finish, FinishAnswer),
    Renew(Timestamp, Vec<(AttemptRef, RenewalAnswer)>),
    Promote(Timestamp, u32),
    FailOverdue(Timestamp, Vec<TaskId>),
    Cancel(TaskId, CancelAnswer),
    Retry(TaskId, RetryAnswer),
    Pause(JobTypeName),
    Resume(JobTypeName),
    MarkPublished(TaskId),
    ClaimMessages(Timestamp, Vec<OutboxMessage>),
    FreeMessages(WorkerId, Timestamp),
    MessageDelivered(Uuid),
    MessageFailed(Uuid),
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    Same(TaskId),
    Conflict(TaskId),
}

/// What becomes of a schedule as far as the store has answered.
#[derive(Clone, Debug)]
pub(crate) struct KnownSchedule {
    pub(crate) overlap: Overlap,
    pub(crate) revision: u64,
    pub(crate) next_at: Timestamp,
    pub(crate) last_task: Option<TaskId>,
}

/// The book. Processes write into it, the checks read it.
#[derive(Default)]
pub(crate) struct Book {
    /// Calls since the last check: one at most.
    pub(crate) calls: Vec<Call>,
    /// What no call should ever say.
    pub(crate) wrong: Vec<String>,
    /// Tasks that a client was promised.
    pub(crate) promised: BTreeSet<TaskId>,
    /// Bodies that a sink has taken, by the id of their message.
    pub(crate) delivered: BTreeMap<Uuid, String>,
    /// For each task the attempt whose artifacts were moved last.
    pub(crate) published: BTreeMap<TaskId, u32>,
    /// Job types that are paused.
    pub(crate) paused: BTreeSet<JobTypeName>,
    /// The schedules, by their number.
    pub(crate) schedules: BTreeMap<u64, KnownSchedule>,
    /// Tasks in the order in which they became known, for short names.
    known: Vec<TaskId>,
}

impl Book {
    /// A short name of a task that is the same in each run of a seed.
    pub(crate) fn name(&mut self, id: TaskId) -> String {
        let index = self.known.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.known.push(id);
            self.known.len() - 1
        });
        format!("#{index}")
    }
}

/// The book as all processes share it.
#[derive(Clone, Default)]
pub(crate) struct SharedBook(Arc<Mutex<Book>>);

impl SharedBook {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub(crate) fn name(&self, id: TaskId) -> String {
        self.with(|book| book.name(id))
    }

    pub(crate) fn attempt(&self, attempt: AttemptRef) -> String {
        format!("{}/{}", self.name(attempt.task), attempt.number)
    }
}
