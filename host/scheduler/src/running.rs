//! The attempts that run in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_domain::{AttemptRef, LiveProgress, Progress, StopReason, StopSignal, TaskId, Timestamp};

/// What the host keeps of a running attempt.
#[derive(Clone, Debug)]
pub(crate) struct RunningAttempt {
    pub(crate) attempt: AttemptRef,
    pub(crate) progress: Arc<LiveProgress>,
    pub(crate) stop: Arc<StopSignal>,
    pub(crate) deadline_at: Option<Timestamp>,
}

/// The attempts that run in this process, by task.
#[derive(Debug, Default)]
pub struct Running {
    attempts: Mutex<HashMap<TaskId, RunningAttempt>>,
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

    /// Whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.attempts().is_empty()
    }

    /// Progress of the attempt of that number, if it runs here.
    pub fn progress(&self, attempt: AttemptRef) -> Option<Progress> {
        let attempts = self.attempts();
        let running = attempts.get(&attempt.task).filter(|running| running.attempt == attempt)?;
        Some(running.progress.latest())
    }

    /// Tells the attempt of a task to stop, if one runs here.
    pub fn stop(&self, task: TaskId, reason: StopReason) {
        if let Some(running) = self.attempts().get(&task) {
            running.stop.stop(reason);
        }
    }

    /// Tells every attempt to stop.
    pub fn stop_all(&self, reason: StopReason) {
        for running in self.attempts().values() {
            running.stop.stop(reason);
        }
    }

    pub(crate) fn insert(&self, running: RunningAttempt) {
        self.attempts().insert(running.attempt.task, running);
    }

    pub(crate) fn remove(&self, attempt: AttemptRef) {
        let mut attempts = self.attempts();
        if attempts.get(&attempt.task).is_some_and(|running| running.attempt == attempt) {
            attempts.remove(&attempt.task);
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<RunningAttempt> {
        self.attempts().values().cloned().collect()
    }

    fn attempts(&self) -> MutexGuard<'_, HashMap<TaskId, RunningAttempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
