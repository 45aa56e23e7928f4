//! The attempts that run in this process.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_domain::{
    AttemptRef, Claimed, JobTypeName, LiveProgress, Progress, StopReason, StopSignal, TaskId, Timestamp,
};

/// What the host keeps of a running attempt.
#[derive(Clone, Debug)]
pub(crate) struct RunningAttempt {
    pub(crate) attempt: AttemptRef,
    pub(crate) job_type: JobTypeName,
    pub(crate) queued_at: Timestamp,
    pub(crate) started_at: Timestamp,
    pub(crate) progress: Arc<LiveProgress>,
    pub(crate) stop: Arc<StopSignal>,
    pub(crate) deadline_at: Option<Timestamp>,
    /// Its program has returned, and its end is being recorded.
    ending: Arc<AtomicBool>,
    /// This process, which is about to end, gives its task back.
    given_back: Arc<AtomicBool>,
}

impl RunningAttempt {
    /// An attempt that was claimed at `started_at`.
    pub(crate) fn new(claimed: &Claimed, progress: Arc<LiveProgress>, started_at: Timestamp) -> Self {
        Self {
            attempt: claimed.attempt,
            job_type: claimed.job_type.clone(),
            queued_at: claimed.queued_at,
            started_at,
            progress,
            stop: Arc::default(),
            deadline_at: claimed.deadline_at,
            ending: Arc::default(),
            given_back: Arc::default(),
        }
    }

    pub(crate) fn begin_to_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(crate) fn give_back(&self) {
        self.given_back.store(true, Ordering::Release);
    }

    /// Whether it has no lease because this process gave it back, and not because it lost it.
    pub(crate) fn is_given_back(&self) -> bool {
        self.given_back.load(Ordering::Acquire)
    }

    /// Whether it may have no lease because it has ended, and not because it lost it.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}

/// The attempts that run in this process, in the order in which they began. There may be two of one task: one that lost
/// its lease and does not know it yet, and its successor. Both take a slot, and the first has to be told.
#[derive(Debug, Default)]
pub struct Running {
    attempts: Mutex<Vec<RunningAttempt>>,
}

impl Running {
    /// Nothing runs.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// How many attempts run.
    pub fn len(&self) -> usize {
        self.attempts().len()
    }

    /// The job types of which something runs.
    pub fn job_types(&self) -> BTreeSet<JobTypeName> {
        self.attempts().iter().map(|running| running.job_type.clone()).collect()
    }

    /// Whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.attempts().is_empty()
    }

    /// Progress of the attempt of that number, if it runs here.
    pub fn progress(&self, attempt: AttemptRef) -> Option<Progress> {
        let attempts = self.attempts();
        let running = attempts.iter().find(|running| running.attempt == attempt)?;
        Some(running.progress.latest())
    }

    /// Tells whatever attempt of a task runs here to stop.
    pub fn stop(&self, task: TaskId, reason: StopReason) {
        for running in self.attempts().iter().filter(|running| running.attempt.task == task) {
            running.stop.stop(reason);
        }
    }

    /// Tells every attempt to stop.
    pub fn stop_all(&self, reason: StopReason) {
        for running in self.attempts().iter() {
            running.stop.stop(reason);
        }
    }

    pub(crate) fn insert(&self, running: RunningAttempt) {
        self.attempts().push(running);
    }

    pub(crate) fn remove(&self, attempt: AttemptRef) {
        self.attempts().retain(|running| running.attempt != attempt);
    }

    pub(crate) fn snapshot(&self) -> Vec<RunningAttempt> {
        self.attempts().clone()
    }

    fn attempts(&self) -> MutexGuard<'_, Vec<RunningAttempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
