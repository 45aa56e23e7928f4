//! Puts jobs into the types of the protocol. The only file that knows both.

use longshore_domain::{ListedArtifact, LoadedJob, Progress, SavedArtifact, Task, TaskState};
use longshore_scheduler::{ServiceError, TaskStatus};
use rmcp::model::{
    CallToolResult, ContentBlock, CreateTaskResult, DetailedTask, ErrorData, GetTaskResult, InputRequests,
    JsonObject, ProgressNotificationParam, ProgressToken, Resource, Task as McpTask, TaskPayload,
    TaskStatus as McpState, Tool, ToolAnnotations,
};
use serde_json::Value;

use super::answer::{Answer, Link};
use super::own::{Effect, OwnTool};
use super::{refusal, uri};
use crate::client_schema::for_clients;
use crate::view::rfc3339;

/// One of our own tools, as it is listed.
pub(super) fn own_tool(own: &OwnTool, callbacks: bool) -> Tool {
    // Only what differs from what a client assumes: a model pays for each hint.
    let annotations = match own.effect {
        Effect::Looks => ToolAnnotations::new().read_only(true),
        Effect::StartsJobs => ToolAnnotations::new().destructive(false),
        Effect::Undoes => ToolAnnotations::new().destructive(true),
    };
    Tool::new(own.name, own.description, object((own.input_schema)(callbacks)))
        .with_title(own.title)
        .with_annotations(annotations)
}

/// The tool of a job type. It has no output schema: depending on the client and the time that the job takes, the answer is
/// its result, how it is, or a task handle, and no schema would be true of them all. `list_job_types` has the schema of
/// the result.
pub(super) fn job_tool(job: &LoadedJob) -> Tool {
    let about = &job.job_type;
    let schema = object(for_clients(&about.input_schema));
    // A job reads what it was granted and makes new files, so it destroys nothing; only messages leave this machine.
    let sends =
        about.permissions.iter().any(|permission| ["outbox", "http"].contains(&permission.kind.as_str()));
    let annotations = ToolAnnotations::new().destructive(false);
    let annotations = if sends { annotations } else { annotations.open_world(false) };
    Tool::new(about.name.to_string(), about.description.clone(), schema)
        .with_title(about.title.clone())
        .with_annotations(annotations)
}

/// The result of a tool call. Links are left out for clients that do not know them.
pub(super) fn tool_result(answer: Answer, links: bool) -> CallToolResult {
    let Answer { body, links: linked, failed } = answer;
    let body = Value::Object(body);
    let mut result =
        if failed { CallToolResult::structured_error(body) } else { CallToolResult::structured(body) };
    if links {
        result.content.extend(linked.iter().map(|link| ContentBlock::resource_link(resource(link))));
    }
    result
}

/// The handle of a job that was just submitted.
pub(super) fn task_handle(status: &TaskStatus) -> CreateTaskResult {
    CreateTaskResult::new(task(status))
}

/// The answer to `tasks/get`.
pub(super) fn task_result(status: &TaskStatus) -> GetTaskResult {
    GetTaskResult::new(detailed_task(status))
}

/// Everything about a task. A job that failed is a completed task with an error result: `failed` is for requests that
/// could not be carried out as such.
pub(super) fn detailed_task(status: &TaskStatus) -> DetailedTask {
    let payload = match status.task.state {
        TaskState::Scheduled | TaskState::Queued | TaskState::Running => TaskPayload::Working,
        TaskState::InputRequired => TaskPayload::InputRequired { input_requests: InputRequests::default() },
        TaskState::Completed | TaskState::Failed => {
            let result = tool_result(Answer::outcome(status), true);
            TaskPayload::Completed { result: object(serde_json::to_value(result).unwrap_or_default()) }
        }
        TaskState::Cancelled => TaskPayload::Cancelled,
    };
    DetailedTask::new(task(status), payload)
}

fn task(status: &TaskStatus) -> McpTask {
    let task = &status.task;
    let state = match task.state {
        TaskState::Scheduled | TaskState::Queued | TaskState::Running => McpState::Working,
        TaskState::InputRequired => McpState::InputRequired,
        TaskState::Completed | TaskState::Failed => McpState::Completed,
        TaskState::Cancelled => McpState::Cancelled,
    };
    let mut told =
        McpTask::new(task.id.to_string(), state, rfc3339(task.created_at), rfc3339(task.updated_at));
    told.status_message = status_message(status);
    told.ttl_ms = ttl_ms(task);
    told.poll_interval_ms = (!task.state.is_terminal()).then_some(status.poll_after_ms);
    told
}

/// How long after its creation a task is kept. A task that is alive is kept for as long as it lives, so there is no limit to
/// tell; counting from creation, as the protocol does, would end long tasks while they run.
fn ttl_ms(task: &Task) -> Option<u64> {
    let finished_at = task.finished_at.filter(|_| task.state.is_terminal())?;
    let kept_until = finished_at.after(std::time::Duration::from_millis(task.ttl_ms));
    Some(u64::try_from(kept_until.since(task.created_at).as_millis()).unwrap_or(u64::MAX))
}

fn status_message(status: &TaskStatus) -> Option<String> {
    let task = &status.task;
    match task.state {
        TaskState::Failed => {
            task.failure.as_ref().map(|failure| format!("{}: {}", failure.code.as_str(), failure.message))
        }
        TaskState::Running => progress_message(&task.progress).or_else(|| Some("running".into())),
        TaskState::Scheduled | TaskState::Queued => {
            status.waiting.clone().or_else(|| Some(task.state.as_str().into()))
        }
        TaskState::Completed | TaskState::Cancelled | TaskState::InputRequired => None,
    }
}

fn progress_message(progress: &Progress) -> Option<String> {
    let counted = match (progress.done, progress.total) {
        (0, None) => None,
        (done, None) => Some(format!("{done} done")),
        (done, Some(total)) => Some(format!("{done} of {total}")),
    };
    match (counted, progress.message.as_str()) {
        (None, "") => None,
        (None, message) => Some(message.into()),
        (Some(counted), "") => Some(counted),
        (Some(counted), message) => Some(format!("{counted}: {message}")),
    }
}

/// A progress notification.
pub(super) fn progress(token: ProgressToken, progress: &Progress) -> ProgressNotificationParam {
    let mut told = ProgressNotificationParam::new(token, progress.done as f64);
    told.total = progress.total.map(|total| total as f64);
    told.message = Some(progress.message.clone()).filter(|message| !message.is_empty());
    told
}

/// An artifact as a resource.
pub(super) fn resource(link: &Link) -> Resource {
    artifact_resource(link.uri.clone(), &link.file.record)
}

fn artifact_resource(uri: String, artifact: &SavedArtifact) -> Resource {
    Resource::new(uri, artifact.name.clone())
        .with_mime_type(artifact.media_type.clone())
        .with_size(artifact.bytes)
}

/// An artifact as a listed resource, with the job that made it.
pub(super) fn listed_resource(listed: &ListedArtifact) -> Resource {
    let ListedArtifact { task, job_type, finished_at, artifact } = listed;
    let finished = rfc3339(*finished_at);
    artifact_resource(uri::of_artifact(*task, &artifact.name), artifact)
        .with_description(format!("Made by {job_type} job {task}, completed {finished}"))
}

/// An error where there is no tool result to put it into.
pub(super) fn protocol_error(error: &ServiceError) -> ErrorData {
    let data = Some(refusal::error_data(error));
    let message = error.told();
    match error {
        ServiceError::NotFound { .. } | ServiceError::ArtifactNotFound { .. } => {
            ErrorData::invalid_params(message, data)
        }
        _ => ErrorData::internal_error(message, data),
    }
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
