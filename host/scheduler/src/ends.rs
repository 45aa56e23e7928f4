//! Logs how attempts and jobs end: one line for each end, by the process that recorded it.
//!
//! The lines have a target of their own, so that commands that show a job's end as their result can leave them out.

use std::time::Duration;

use longshore_domain::{Code, Finish, JobTypeName, LostAttempt, Next, Outcome, Task, TaskId, TaskState};
use tracing::Level;

use crate::running::RunningAttempt;

/// Target of these lines in the log.
pub const ENDS_TARGET: &str = "longshore_jobs";

/// One event at a level that is known when the program runs.
macro_rules! event {
    ($level:expr, $($fields:tt)*) => {
        if $level == Level::ERROR {
            tracing::error!(target: ENDS_TARGET, $($fields)*);
        } else if $level == Level::WARN {
            tracing::warn!(target: ENDS_TARGET, $($fields)*);
        } else {
            tracing::info!(target: ENDS_TARGET, $($fields)*);
        }
    };
}

/// The end of an attempt, as the log shows it. It outlives the [`Finish`] that records it.
#[derive(Clone, Debug)]
pub(crate) struct AttemptEnd {
    job_id: TaskId,
    job_type: JobTypeName,
    attempt: u32,
    outcome: &'static str,
    code: Option<Code>,
    reason: Option<String>,
    next: Next,
    /// How long the job had been queued when the attempt was claimed, where that is known.
    queued: Option<Duration>,
    run: Duration,
}

impl AttemptEnd {
    /// Of an attempt that ran in this process.
    pub(crate) fn here(finish: &Finish, running: &RunningAttempt) -> Self {
        let queued = running.started_at.since(running.queued_at);
        Self::of(finish, running.job_type.clone(), Some(queued), finish.at.since(running.started_at))
    }

    /// Of an attempt that was lost with its worker, and ran until then or until its lease was over.
    pub(crate) fn lost(finish: &Finish, lost: &LostAttempt) -> Self {
        let until = lost.lease_until.min(finish.at);
        Self::of(finish, lost.job_type.clone(), None, until.since(lost.started_at))
    }

    fn of(finish: &Finish, job_type: JobTypeName, queued: Option<Duration>, run: Duration) -> Self {
        let (outcome, code, reason) = match &finish.outcome {
            Outcome::Completed { .. } => ("completed", None, None),
            Outcome::Failed(failure) => ("failed", Some(failure.code), Some(failure.message.clone())),
            Outcome::Cancelled => ("stopped", None, None),
            Outcome::Interrupted(reason) => ("stopped", None, Some(reason.clone())),
        };
        let attempt = finish.attempt;
        let (job_id, attempt, next) = (attempt.task, attempt.number, finish.next);
        Self { job_id, job_type, attempt, outcome, code, reason, next, queued, run }
    }

    /// Logs the end, after which the job is in `state`.
    pub(crate) fn log(&self, state: TaskState) {
        let (level, what) = match state {
            TaskState::Completed => (Level::INFO, "job completed"),
            TaskState::Cancelled => (Level::INFO, "job cancelled"),
            TaskState::Failed => (Level::ERROR, "job failed"),
            _ if self.next == Next::Release => (Level::INFO, "attempt given back"),
            _ if self.code == Some(Code::WorkerLost) => (Level::WARN, "attempt lost, another follows"),
            _ => (Level::WARN, "attempt failed, another follows"),
        };
        let retry_at = match (state, self.next) {
            (TaskState::Scheduled, Next::RetryAt(at)) => Some(at.rfc3339()),
            _ => None,
        };
        event!(
            level,
            job_id = %self.job_id,
            job_type = %self.job_type,
            attempt = self.attempt,
            state = state.as_str(),
            outcome = self.outcome,
            code = self.code.map(Code::as_str),
            queued_ms = self.queued.map(ms),
            run_ms = ms(self.run),
            retry_at = retry_at.as_deref(),
            reason = self.reason.as_deref(),
            "{what}"
        );
    }
}

/// Logs the end of a job that was not running: it was cancelled, or its deadline passed. `task` is what the store has of
/// it now; without it the line has only what is known by its id.
pub(crate) fn log_end_of_waiting(id: TaskId, state: TaskState, code: Option<Code>, task: Option<&Task>) {
    let (level, what) = match state {
        TaskState::Failed => (Level::ERROR, "job failed"),
        _ => (Level::INFO, "job cancelled"),
    };
    let queued = task.and_then(|task| Some(task.finished_at?.since(task.created_at)));
    event!(
        level,
        job_id = %id,
        job_type = task.map(|task| task.job_type.as_str()),
        attempt = task.map(|task| task.attempts),
        state = state.as_str(),
        code = code.map(Code::as_str),
        // It may have run before; from then on it has waited for its next attempt.
        queued_ms = queued.map(ms),
        run_ms = 0,
        reason = task.and_then(|task| task.failure.as_ref()).map(|failure| failure.message.as_str()),
        "{what}"
    );
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
