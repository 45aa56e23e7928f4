//! Telling whoever asked for a task that it has ended.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Failure, NewMessage, Task, TaskState, Timestamp};

/// Messages of the host itself have keys that begin so; a job's own may not.
pub const HOST_KEY_PREFIX: &str = "longshore.";

/// Where the end of a task is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Callback {
    /// The channel that the message goes through.
    pub channel: String,
    /// Its recipient, as the caller gave it.
    pub url: String,
}

/// The message that tells of the end of `task`: the event of Standard Webhooks, with the task as its data.
///
/// A task that is run again ends again, and each of its ends is an event of its own.
pub fn ended_message(callback: &Callback, task: &Task) -> NewMessage {
    let event = match task.state {
        TaskState::Completed => "job.completed",
        TaskState::Cancelled => "job.cancelled",
        _ => "job.failed",
    };
    let ended_at = task.finished_at.unwrap_or(task.updated_at);
    let body = json!({ "type": event, "timestamp": ended_at.rfc3339(), "data": data(task) });
    NewMessage {
        channel: callback.channel.clone(),
        key: format!("{HOST_KEY_PREFIX}ended.{}", ended_at.ms()),
        recipient: callback.url.clone(),
        subject: event.into(),
        content_type: "application/json".into(),
        body: body.to_string(),
    }
}

fn data(task: &Task) -> Value {
    let result = task.result_value();
    let mut data = json!({
        "job_id": task.id.to_string(),
        "job_type": task.job_type.as_str(),
        "status": task.state,
        "created_at": task.created_at.rfc3339(),
        "started_at": task.started_at.map(Timestamp::rfc3339),
        "completed_at": task.finished_at.map(Timestamp::rfc3339),
        "attempts": task.attempts,
        "artifacts": task.artifacts.iter().map(|record| &record.artifact).collect::<Vec<_>>(),
    });
    if let Some(result) = result {
        if let Some(records) = Task::records_processed(&result) {
            data["records_processed"] = records.into();
        }
        data["result"] = result;
    }
    if let Some(Failure { code, message, .. }) = &task.failure {
        data["error"] = json!({ "code": code, "message": message, "retryable": code.is_retryable() });
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Owner, Progress, TaskId};

    fn task(state: TaskState) -> Task {
        let at = Timestamp::from_ms(1_772_323_200_000);
        Task {
            id: TaskId::random(),
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: r#"{"secret": "of the caller"}"#.into(),
            idempotency_key: None,
            priority: 0,
            schedule: None,
            paused_since: None,
            state,
            created_at: at,
            updated_at: at,
            due_at: None,
            started_at: Some(at),
            finished_at: Some(at),
            deadline_at: None,
            ttl_ms: 0,
            attempts: 2,
            cancel_requested: false,
            progress: Progress { done: 7, ..Progress::default() },
            result: None,
            failure: None,
            artifacts: Vec::new(),
        }
    }

    fn message(task: &Task) -> (NewMessage, Value) {
        let callback = Callback { channel: "callbacks".into(), url: "https://a.example/in".into() };
        let message = ended_message(&callback, task);
        let body = serde_json::from_str(&message.body).unwrap();
        (message, body)
    }

    #[test]
    fn a_success_is_told_with_its_result() {
        let result = Some(r#"{"records_processed": 1842}"#.into());
        let (message, body) = message(&Task { result, ..task(TaskState::Completed) });
        assert_eq!(
            (message.channel.as_str(), message.recipient.as_str()),
            ("callbacks", "https://a.example/in")
        );
        assert_eq!(
            (&body["type"], &body["timestamp"]),
            (&"job.completed".into(), &"2026-03-01T00:00:00.000Z".into())
        );
        assert_eq!(body["data"]["result"]["records_processed"], 1_842);
        assert_eq!(body["data"]["records_processed"], 1_842);
        assert!(body["data"].get("error").is_none());
        assert!(!message.body.contains("secret"), "what the caller sent is not passed on");
    }

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let failure = Some(Failure::new(Code::JobFailed, "no such city"));
        let (message, body) = message(&Task { failure, ..task(TaskState::Failed) });
        assert_eq!(message.subject, "job.failed");
        let error = json!({"code": "job_failed", "message": "no such city", "retryable": false});
        assert_eq!(body["data"]["error"], error);
        assert!(body["data"].get("records_processed").is_none());
    }

    #[test]
    fn each_end_of_a_task_has_a_key_of_its_own() {
        let first = task(TaskState::Cancelled);
        let again = Task { finished_at: Some(Timestamp::from_ms(1_772_323_200_001)), ..first.clone() };
        assert_ne!(message(&first).0.key, message(&again).0.key);
        assert_eq!(message(&first).0, message(&first).0);
    }
}
