//! What people and programs are shown of a job: one shape for the command line's `--json` and for MCP.

mod schedule;

use std::path::PathBuf;

use longshore_domain::{Code, Failure, MessageState, OutboxMessage, Progress, Task, TaskState, Timestamp};
use longshore_scheduler::{ArtifactFile, TaskStatus};
use serde::Serialize;
use serde_json::Value;

pub use schedule::ScheduleView;

/// The status of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobView {
    /// Its id.
    pub job_id: String,
    /// What kind of work it is.
    pub job_type: String,
    /// Where it is in its life: `scheduled`, `queued`, `running`, `completed`, `failed` or `cancelled`.
    pub status: TaskState,
    /// When it was submitted, as RFC 3339 in UTC.
    pub created_at: String,
    /// When its first attempt began.
    pub started_at: Option<String>,
    /// When it ended, in whatever way.
    pub completed_at: Option<String>,
    /// How far it is.
    pub progress: ProgressView,
    /// Records it has worked through, if its result says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_processed: Option<u64>,
    /// Its result, once completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Its files, once completed.
    pub artifacts: Vec<ArtifactView>,
    /// When to ask again; null once it has ended.
    pub poll_after_ms: Option<u64>,
    /// Why it waits although it is due, or waits longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<String>,
    /// The schedule that submitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// When it is due, while it is scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// Present and true while a cancel was asked and has not taken effect.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgressView {
    /// Units done.
    pub done: u64,
    /// Units in all, once known.
    pub total: Option<u64>,
    /// Share done in whole per cent, once the total is known.
    pub percent: Option<u8>,
    /// One line for people.
    pub message: String,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorView {
    /// Stable code.
    pub code: Code,
    /// What happened and what to do.
    pub message: String,
    /// Whether another attempt may help.
    pub retryable: bool,
}

/// A file of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArtifactView {
    /// Plain file name.
    pub name: String,
    /// IANA media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Where it is, as an absolute path on the host's machine.
    pub path: PathBuf,
    /// Why the file is not what the job made any more, where that was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A message of a job, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageView {
    /// Its id, which its receiver sees, too.
    pub message_id: String,
    /// The job that sent it.
    pub job_id: String,
    /// Channel to send it through.
    pub channel: String,
    /// Names it within its job.
    pub key: String,
    /// Who gets it.
    pub recipient: String,
    /// Subject line, or event type.
    pub subject: String,
    /// Where it is on its way: `pending`, `delivered` or `dead`.
    pub state: MessageState,
    /// Tries so far, counted anew when it was sent again.
    pub tries: u32,
    /// What the last failed try said.
    pub last_error: Option<String>,
    /// When it was committed, as RFC 3339 in UTC.
    pub created_at: String,
    /// When its delivery was noted, as RFC 3339 in UTC.
    pub delivered_at: Option<String>,
    /// When it is tried next at the earliest, while it is pending.
    pub next_try_at: Option<String>,
}

impl From<&OutboxMessage> for MessageView {
    fn from(message: &OutboxMessage) -> Self {
        let new = &message.message;
        Self {
            message_id: message.id.to_string(),
            job_id: message.task.to_string(),
            channel: new.channel.clone(),
            key: new.key.clone(),
            recipient: new.recipient.clone(),
            subject: new.subject.clone(),
            state: message.state,
            tries: message.tries,
            last_error: message.last_error.clone(),
            created_at: rfc3339(message.created_at),
            delivered_at: message.delivered_at.map(rfc3339),
            next_try_at: message.next_try_at.map(rfc3339),
        }
    }
}

impl From<&TaskStatus> for JobView {
    fn from(status: &TaskStatus) -> Self {
        let task = &status.task;
        let result = task.result_value();
        Self {
            job_id: task.id.to_string(),
            job_type: task.job_type.to_string(),
            status: task.state,
            created_at: rfc3339(task.created_at),
            started_at: task.started_at.map(rfc3339),
            completed_at: task.finished_at.map(rfc3339),
            progress: ProgressView::from(&task.progress),
            records_processed: result.as_ref().and_then(Task::records_processed),
            result,
            // A scheduled task keeps the failure of its last attempt; that is a reason to wait, not an end.
            error: task.failure.as_ref().filter(|_| task.state == TaskState::Failed).map(ErrorView::from),
            attempts: task.attempts,
            artifacts: status.artifacts.iter().map(ArtifactView::from).collect(),
            poll_after_ms: (!task.state.is_terminal()).then_some(status.poll_after_ms),
            waiting_reason: status.waiting.clone(),
            schedule: task.schedule.clone(),
            due_at: task.due_at.filter(|_| task.state == TaskState::Scheduled).map(rfc3339),
            cancel_requested: task.cancel_requested && !task.state.is_terminal(),
        }
    }
}

impl From<&Progress> for ProgressView {
    fn from(progress: &Progress) -> Self {
        let Progress { done, total, message } = progress;
        Self { done: *done, total: *total, percent: progress.percent(), message: message.clone() }
    }
}

impl From<&Failure> for ErrorView {
    fn from(failure: &Failure) -> Self {
        Self { code: failure.code, message: failure.message.clone(), retryable: failure.code.is_retryable() }
    }
}

impl From<&ArtifactFile> for ArtifactView {
    fn from(file: &ArtifactFile) -> Self {
        Self {
            name: file.record.name.clone(),
            media_type: file.record.media_type.clone(),
            bytes: file.record.bytes,
            sha256: file.record.sha256.clone(),
            path: file.path.clone(),
            problem: file.problem.clone(),
        }
    }
}

/// The time as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    at.rfc3339()
}

/// The time as RFC 3339 in UTC, to the second.
pub fn rfc3339_to_the_second(at: Timestamp) -> String {
    let text = at.rfc3339();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use longshore_domain::{Owner, Task, TaskId};
    use serde_json::json;

    use super::*;

    fn status(state: TaskState) -> TaskStatus {
        let task = Task {
            id: TaskId::random(),
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: "{}".into(),
            idempotency_key: None,
            priority: 0,
            schedule: None,
            paused_since: None,
            state,
            created_at: Timestamp::from_ms(1_772_323_200_000),
            updated_at: Timestamp::from_ms(1_772_323_200_000),
            due_at: None,
            started_at: None,
            finished_at: None,
            deadline_at: None,
            ttl_ms: 0,
            attempts: 1,
            cancel_requested: false,
            progress: Progress { done: 5, total: Some(10), message: "half".into() },
            result: None,
            failure: None,
            artifacts: Vec::new(),
        };
        TaskStatus { task, waiting: None, poll_after_ms: 1_000, artifacts: Vec::new() }
    }

    #[test]
    fn a_running_job_has_progress_and_neither_result_nor_error() {
        let view = serde_json::to_value(JobView::from(&status(TaskState::Running))).unwrap();
        assert_eq!(view["created_at"], "2026-03-01T00:00:00.000Z");
        assert_eq!(view["progress"], json!({"done": 5, "total": 10, "percent": 50, "message": "half"}));
        assert!(view.get("records_processed").is_none());
        assert_eq!(view["poll_after_ms"], 1_000);
        assert!(view.get("result").is_none() && view.get("error").is_none());
    }

    #[test]
    fn the_result_says_how_many_records_and_nobody_asks_again() {
        let mut status = status(TaskState::Completed);
        status.task.result = Some(r#"{"records_processed": 1842}"#.into());
        let view = JobView::from(&status);
        assert_eq!((view.records_processed, view.poll_after_ms), (Some(1_842), None));
    }

    #[test]
    fn times_are_cut_to_the_second() {
        assert_eq!(rfc3339_to_the_second(Timestamp::from_ms(1_772_323_200_999)), "2026-03-01T00:00:00Z");
    }

    #[test]
    fn a_failure_is_an_error_only_at_the_end() {
        let mut waiting = status(TaskState::Scheduled);
        waiting.task.failure = Some(Failure::new(Code::JobRetry, "the bank is closed"));
        assert_eq!(JobView::from(&waiting).error, None);
        waiting.task.state = TaskState::Failed;
        let error = JobView::from(&waiting).error.unwrap();
        assert_eq!((error.code, error.retryable), (Code::JobRetry, true));
    }
}
