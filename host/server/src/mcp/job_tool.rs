//! The tool of a job type: submits a job, and answers in the way that suits the caller.

use longshore_scheduler::{SubmitRequest, TaskStatus};
use serde_json::{Map, Value};

use super::answer::Answer;
use super::caller::Caller;
use super::front::Front;
use super::refusal::Refusal;
use super::wait::{Until, wait};

/// What the tool answers.
pub(super) enum Submitted {
    /// A handle, for a caller that declared the Tasks extension.
    Handle(Box<TaskStatus>),
    /// The result if the job ended within the bounded wait, otherwise how it is and what to call next.
    Answer(Answer),
}

/// Submits a job of type `job_type` with `arguments` as its input.
pub(super) async fn call(
    front: &Front,
    job_type: &str,
    arguments: Map<String, Value>,
    caller: &Caller,
) -> Result<Submitted, Refusal> {
    let request = SubmitRequest {
        job_type: job_type.into(),
        payload: Value::Object(arguments),
        ..SubmitRequest::default()
    };
    let status = front.service.submit(&front.owner, request).await?.status;
    let id = status.task.id;
    let waited = if caller.cancelled.is_cancelled() && !front.closing.is_cancelled() {
        None
    } else if caller.tasks {
        return Ok(Submitted::Handle(Box::new(status)));
    } else {
        wait(front, id, Until::End, front.options.wait, caller).await?
    };
    let answer = if let Some(status) = waited {
        Answer::outcome(&status)
    } else {
        // Nobody was given the job's id, so nobody else can want it, and a client that gave up may call again: the job would
        // be done twice. A client that just goes away closes the connection instead, and its jobs go on.
        front.service.cancel(&front.owner, id).await?;
        Answer::status(&status)
    };
    Ok(Submitted::Answer(answer))
}
