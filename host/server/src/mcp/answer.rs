//! What a tool answers, before it is put into protocol types.

use longshore_domain::{Code, TaskState};
use longshore_scheduler::{ArtifactFile, ScheduleStatus, TaskStatus};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::uri;
use crate::view::{JobView, ScheduleView};

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

    /// How a job is, for who asked it to be done.
    pub(super) fn outcome(status: &TaskStatus) -> Self {
        let mut answer = Self::status(status);
        answer.failed = matches!(status.task.state, TaskState::Failed | TaskState::Cancelled);
        if status.task.state == TaskState::Cancelled {
            let error = json!({ "code": "cancelled", "message": "the job was cancelled", "retryable": true });
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

/// The status of a job.
fn body(status: &TaskStatus) -> Map<String, Value> {
    let mut body = fields(status);
    if let Some(Value::Array(artifacts)) = body.get_mut("artifacts") {
        for (artifact, link) in artifacts.iter_mut().zip(links(status)) {
            if let Value::Object(artifact) = artifact {
                artifact.insert("uri".into(), link.uri.into());
            }
        }
    }
    if let Some(next) = next(status) {
        body.insert("next".into(), next.into());
    }
    body
}

/// A job within a list. Lists leave results and artifacts out, so nothing is said of them.
pub(super) fn row(status: &TaskStatus) -> Value {
    let mut row = fields(status);
    row.shift_remove("artifacts");
    row.shift_remove("result");
    Value::Object(row)
}

/// A schedule, alone or within a list.
pub(super) fn schedule_row(status: &ScheduleStatus) -> Map<String, Value> {
    object(ScheduleView::from(status))
}

fn fields(status: &TaskStatus) -> Map<String, Value> {
    object(JobView::from(status))
}

fn object(view: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(view) {
        Ok(Value::Object(fields)) => fields,
        // A view is a struct of texts, numbers and JSON, which always make an object.
        _ => Map::new(),
    }
}

/// What to do next, where there is something to do.
fn next(status: &TaskStatus) -> Option<String> {
    let id = status.task.id;
    Some(match status.task.state {
        TaskState::Completed if status.artifacts.is_empty() => return None,
        TaskState::Completed => {
            "Read the artifacts with resources/read by their uri, or from disk by their path.".into()
        }
        TaskState::Failed => match status.task.failure.as_ref().map(|failure| failure.code) {
            Some(Code::InvalidInput) => "Correct the input and submit the job anew.".into(),
            // It would go on from the very bytes that are not what they were.
            Some(Code::ArtifactCorrupt | Code::CheckpointCorrupt) => {
                "Submit the job anew; to run this one again cannot help.".into()
            }
            _ => format!(
                "Call retry_job with job_id {id} to run it again from its last checkpoint, once the cause is gone."
            ),
        },
        TaskState::Cancelled => {
            format!("Call retry_job with job_id {id} to run it again from its last checkpoint.")
        }
        TaskState::Running if status.task.cancel_requested => format!(
            "The job was told to stop, and stops soon. Call check_job_status with job_id {id} and wait_seconds to hear when."
        ),
        TaskState::Scheduled | TaskState::Queued | TaskState::Running | TaskState::InputRequired => format!(
            "The job goes on by itself; do not start it again. Call check_job_status with job_id {id} in {} s, or at once \
             with wait_seconds to be answered when the status changes.",
            status.poll_after_ms.div_ceil(1_000)
        ),
    })
}
