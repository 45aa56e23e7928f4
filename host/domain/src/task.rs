//! The durable unit that a client submits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ArtifactRecord, Callback, Failure, JobTypeName, Owner, TaskId, TaskState, Timestamp};

/// A task to be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// Its id, random.
    pub id: TaskId,
    /// Whose it is.
    pub owner: Owner,
    /// What kind of work it is.
    pub job_type: JobTypeName,
    /// The input, JSON text of an object.
    pub payload: String,
    /// With owner and job type, names the task: submitting the same key again gives the same task.
    pub idempotency_key: Option<String>,
    /// Higher runs first; 0 is normal. Each step is worth [`STEP_MS`] of waiting.
    pub priority: i32,
    /// When it is submitted.
    pub created_at: Timestamp,
    /// Not to be started before; at once when none.
    pub run_at: Option<Timestamp>,
    /// Whether `run_at` is a delay from `created_at`, and so as wrong as the clock of then.
    pub is_delayed: bool,
    /// Given up, in whatever state, after.
    pub deadline_at: Option<Timestamp>,
    /// How long it is kept once it is finished, in milliseconds.
    pub ttl_ms: u64,
    /// Where its end is told, if anywhere.
    pub callback: Option<Callback>,
}

/// What one step of priority is worth: a task is started before those that were submitted so long before it.
pub const STEP_MS: i64 = 60_000;

impl NewTask {
    /// Where it stands in the queue of its job type: lower comes first.
    ///
    /// Age counts as much as priority, so none waits for ever: only what is submitted within a minute a step after a
    /// task can overtake it.
    pub fn rank(&self) -> i64 {
        let from = self.run_at.map_or(self.created_at, |run_at| run_at.max(self.created_at));
        from.ms().div_euclid(STEP_MS) - i64::from(self.priority)
    }
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all, once known.
    pub total: Option<u64>,
    /// One line for people.
    pub message: String,
}

impl Progress {
    /// Share done in whole per cent, 0 to 100; none while the total is not known.
    pub fn percent(&self) -> Option<u8> {
        let total = self.total?;
        if total == 0 {
            return Some(100);
        }
        Some((u128::from(self.done.min(total)) * 100 / u128::from(total)) as u8)
    }
}

/// A task as the store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Whose it is.
    pub owner: Owner,
    /// What kind of work it is.
    pub job_type: JobTypeName,
    /// The input, JSON text of an object.
    pub payload: String,
    /// The key it was submitted with.
    pub idempotency_key: Option<String>,
    /// Higher runs first.
    pub priority: i32,
    /// Name of the schedule that submitted it.
    pub schedule: Option<String>,
    /// Since when its job type is paused, if it is: nothing of it is started then.
    pub paused_since: Option<Timestamp>,
    /// Where it is in its life.
    pub state: TaskState,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it last changed: submitted, claimed, reported progress, saved, ended.
    pub updated_at: Timestamp,
    /// When it is due, while it is scheduled.
    pub due_at: Option<Timestamp>,
    /// When its first attempt was claimed.
    pub started_at: Option<Timestamp>,
    /// When it reached a terminal state.
    pub finished_at: Option<Timestamp>,
    /// Given up after.
    pub deadline_at: Option<Timestamp>,
    /// How long it is kept once it is finished, in milliseconds.
    pub ttl_ms: u64,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Whether a cancel was asked that has not taken effect yet.
    pub cancel_requested: bool,
    /// How far it is.
    pub progress: Progress,
    /// The result, JSON text, once completed.
    pub result: Option<String>,
    /// Why it failed; for a scheduled task, why its last attempt failed.
    pub failure: Option<Failure>,
    /// Its artifacts, once completed.
    pub artifacts: Vec<ArtifactRecord>,
}

impl Task {
    /// Its result as JSON. The sandbox checked that it is; should it not be, its text is the value.
    pub fn result_value(&self) -> Option<Value> {
        let text = self.result.as_deref()?;
        Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into())))
    }

    /// How many records it worked through, if `result`, its own, says so.
    pub fn records_processed(result: &Value) -> Option<u64> {
        result.get("records_processed").and_then(Value::as_u64)
    }

    /// Until when it and its files are kept, once it has ended; longer while a message of it is not delivered.
    pub fn kept_until(&self) -> Option<Timestamp> {
        Some(self.finished_at?.after(std::time::Duration::from_millis(self.ttl_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_whole_and_bounded() {
        let at = |done, total| Progress { done, total, message: String::new() }.percent();
        assert_eq!(at(1, None), None);
        assert_eq!(at(0, Some(0)), Some(100));
        assert_eq!(at(1, Some(3)), Some(33));
        assert_eq!(at(9, Some(3)), Some(100));
        assert_eq!(at(u64::MAX, Some(u64::MAX)), Some(100));
    }
}
