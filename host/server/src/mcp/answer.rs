//! What a tool answers, before it is put into protocol types.

mod next;
mod when;

use longshore_domain::{TaskState, Timestamp};
use longshore_scheduler::{ArtifactFile, ScheduleStatus, TaskStatus};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::uri;
use crate::view::{JobView, ScheduleView, rfc3339_to_the_second};

/// The answer of a tool.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Structured content; the text content is the same as JSON text.
    pub(super) body: Map<String, Value>,
    /// Artifacts to link to.
    pub(super) links: Vec<Link>,
    /// Whether the client did not get what it asked for.
    pub(super) failed: bool,
}

/// An artifact to link to.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Its URI.
    pub(super) uri: String,
    /// What and where it is.
    pub(super) file: ArtifactFile,
}

impl Answer {
    /// An answer that is only data.
    pub(super) fn data(body: Map<String, Value>) -> Self {
        Self { body, links: Vec::new(), failed: false }
    }

    /// How a job is, for who asked just that.
    pub(super) fn status(status: &TaskStatus) -> Self {
        Self { body: body(status), links: links(status), failed: false }
    }

    /// How a job is whose idempotency key was sent again.
    pub(super) fn known_key(status: &TaskStatus) -> Self {
        let mut answer = Self::status(status).with("deduplicated", true);
        if let Some(next) = next::after_known_key(status.task.state) {
            answer = answer.with("next", next);
        }
        answer
    }

    /// How a job is that had ended before it was to be cancelled.
    pub(super) fn not_cancelled(status: &TaskStatus) -> Self {
        let next = "Nothing was cancelled: the job had ended before, and what it did stands. Tell the user.";
        Self::status(status).with("next", next)
    }

    /// How a job is, for who asked it to be done.
    pub(super) fn outcome(status: &TaskStatus) -> Self {
        let mut answer = Self::status(status);
        answer.failed = matches!(status.task.state, TaskState::Failed | TaskState::Cancelled);
        if status.task.state == TaskState::Cancelled {
            let error =
                json!({ "code": "cancelled", "message": "the job was cancelled", "retryable": false });
            answer.body.insert("error".into(), error);
        }
        answer
    }

    /// How a schedule is.
    pub(super) fn schedule(status: &ScheduleStatus) -> Self {
        Self::data(schedule_row(status))
    }

    /// The same with one more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body.insert(name.into(), value.into());
        self
    }
}

/// The links to a job's artifacts.
pub(super) fn links(status: &TaskStatus) -> Vec<Link> {
    let link = |file: &ArtifactFile| Link {
        uri: uri::of_artifact(status.task.id, &file.record.name),
        file: file.clone(),
    };
    status.artifacts.iter().map(link).collect()
}

/// The status of a job: what an agent uses, and nothing that says nothing.
fn body(status: &TaskStatus) -> Map<String, Value> {
    let mut body = fields(status);
    if let Some(Value::Array(artifacts)) = body.get_mut("artifacts") {
        for (artifact, link) in artifacts.iter_mut().zip(links(status)) {
            if let Value::Object(artifact) = artifact {
                artifact.insert("uri".into(), link.uri.into());
            }
        }
    }
    body.insert("next".into(), next::after_status(status).into());
    body
}

/// A job within a list: enough to choose one, which `check_job_status` then shows whole. Reasons are codes here, and
/// times are told from now on: a model has no clock, and a date costs it three times as much.
pub(super) fn row(status: &TaskStatus, now: Timestamp) -> Value {
    let task = &status.task;
    let mut row = fields(status);
    row.retain(|name, _| {
        ["job_id", "job_type", "status", "schedule", "cancel_requested"].contains(&name.as_str())
    });
    row.insert("when".into(), when::of(task, now).into());
    let percent = task.progress.percent().filter(|_| task.state == TaskState::Running);
    if let Some(percent) = percent {
        row.insert("percent".into(), percent.into());
    }
    if let Some(reason) = status.waiting.as_deref().filter(|_| task.state == TaskState::Queued) {
        let code = reason.split_once(':').map_or(reason, |(code, _)| code);
        row.insert("waiting_reason".into(), code.into());
    }
    if let Some(failure) = task.failure.as_ref().filter(|_| task.state == TaskState::Failed) {
        row.insert("error".into(), failure.code.as_str().into());
    }
    Value::Object(row)
}

/// A schedule, alone or within a list.
pub(super) fn schedule_row(status: &ScheduleStatus) -> Map<String, Value> {
    let mut row = object(ScheduleView::from(status));
    row.retain(|_, value| !value.is_null());
    row
}

fn fields(status: &TaskStatus) -> Map<String, Value> {
    let mut fields = object(JobView::from(status));
    let progress = &status.task.progress;
    let says_nothing = progress.done == 0 && progress.total.is_none() && progress.message.is_empty();
    if status.task.state.is_terminal() || says_nothing {
        fields.shift_remove("progress");
    } else if let Some(Value::Object(progress)) = fields.get_mut("progress") {
        // The share follows from the other two.
        progress.retain(|name, value| name != "percent" && !value.is_null() && value != "");
    }
    let task = &status.task;
    let times = [
        ("created_at", Some(task.created_at)),
        ("started_at", task.started_at),
        ("completed_at", task.finished_at),
        ("due_at", task.due_at),
    ];
    // An agent makes nothing of milliseconds, nor of two times that are the same to it.
    for (name, time) in times {
        if let (Some(shown), Some(time)) = (fields.get_mut(name).filter(|shown| shown.is_string()), time) {
            *shown = rfc3339_to_the_second(time).into();
        }
    }
    if !task.state.is_terminal() && fields.get("started_at").is_some_and(|started| !started.is_null()) {
        fields.shift_remove("created_at");
    }
    // A first attempt is what everybody expects of a job that has not ended.
    if !task.state.is_terminal() && task.attempts <= 1 {
        fields.shift_remove("attempts");
    }
    fields.retain(|name, value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        name == "result" || !empty
    });
    fields
}

fn object(view: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(view) {
        Ok(Value::Object(fields)) => fields,
        // A view is a struct of texts, numbers and JSON, which always make an object.
        _ => Map::new(),
    }
}
