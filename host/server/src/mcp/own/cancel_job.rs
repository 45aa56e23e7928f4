//! `cancel_job`: stops a job.

use longshore_domain::CancelAnswer;
use longshore_scheduler::TaskStatus;

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "cancel_job",
    title: "Cancel a job",
    description: "Stops a job: at once while it waits; a running one gets a few seconds to end well. A job that has \
                  ended stays as it is.",
    input_schema: super::of_one_job,
    effect: Effect::Undoes,
};

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let id = arguments.job_id();
    arguments.finish()?;
    let (cancel, answer): (_, fn(&TaskStatus) -> Answer) =
        match front.service.cancel(&front.owner, id).await? {
            CancelAnswer::Cancelled => ("cancelled", Answer::status),
            CancelAnswer::Requested => ("requested", Answer::status),
            CancelAnswer::AlreadyTerminal(_) => ("already_ended", Answer::not_cancelled),
            CancelAnswer::NotFound => return Err(longshore_scheduler::ServiceError::NotFound { id }.into()),
        };
    let status = front.service.status(&front.owner, id).await?;
    Ok(answer(&status).with("cancel", cancel))
}
