//! The methods of the Tasks extension: `tasks/get`, `tasks/update`, `tasks/cancel`.

use longshore_domain::TaskId;
use rmcp::model::{ClientCapabilities, ErrorData, GetTaskResult};

use super::convert;
use super::front::Front;

/// The id in a request. One that is none cannot name a task, so it is answered like one that names nothing.
pub(super) fn id(text: &str) -> Result<TaskId, ErrorData> {
    text.parse().map_err(|error| ErrorData::invalid_params(format!("there is no such task: {error}"), None))
}

/// How a task is.
pub(super) async fn get(front: &Front, task_id: &str) -> Result<GetTaskResult, ErrorData> {
    let status = front.service.status(&front.owner, id(task_id)?).await;
    Ok(convert::task_result(&status.map_err(|error| convert::protocol_error(&error))?))
}

/// Takes answers to a task's questions. No job asks any yet, and answers to what was not asked are to be ignored.
pub(super) async fn update(front: &Front, task_id: &str) -> Result<(), ErrorData> {
    let status = front.service.status(&front.owner, id(task_id)?).await;
    status.map(drop).map_err(|error| convert::protocol_error(&error))
}

/// Asks a task to stop. Fine for a task that has ended, too.
pub(super) async fn cancel(front: &Front, task_id: &str) -> Result<(), ErrorData> {
    let answer = front.service.cancel(&front.owner, id(task_id)?).await;
    answer.map(drop).map_err(|error| convert::protocol_error(&error))
}

/// The error for a client that did not declare the extension with its request.
pub(super) fn not_declared() -> ErrorData {
    ErrorData::missing_required_client_capability(ClientCapabilities::builder().enable_tasks().build())
}
