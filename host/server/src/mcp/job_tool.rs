//! The tool of a job type: submits a job, and answers in the way that suits the caller.

use longshore_scheduler::{SubmitRequest, TaskStatus};
use serde_json::{Map, Value};

use super::answer::Answer;
use super::caller::Caller;
use super::front::Front;
use super::refusal::Refusal;
use super::wait::{deadline, wait};

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
    let answer = if caller.tasks {
        Some(Submitted::Handle(Box::new(status)))
    } else {
        let deadline = deadline(front, caller, front.options.wait);
        let waited = wait(front, id, deadline, Some(&status), caller).await?;
        waited.map(|status| Submitted::Answer(Answer::outcome(&status)))
    };
    // Either the answer leaves and the job runs on, or the request was cancelled before and nobody was given the job's id:
    // a client that gave up may call again, and the job would be done twice. A client that just goes away closes the
    // connection instead, and its jobs run on.
    match answer {
        Some(answer) if front.in_flight.answer(&caller.id) || front.closing.is_cancelled() => Ok(answer),
        _ => {
            front.service.cancel(&front.owner, id).await?;
            Ok(Submitted::Answer(Answer::data(Map::new())))
        }
    }
}
