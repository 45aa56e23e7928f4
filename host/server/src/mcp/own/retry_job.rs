//! `retry_job`: runs a job again.

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "retry_job",
    title: "Run a job again",
    description: "Runs a failed or cancelled job again under the same job_id, from its last checkpoint. Only once the \
                  cause is gone: transient failures are retried without it.",
    input_schema: super::of_one_job,
    effect: Effect::StartsJobs,
};

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let id = arguments.job_id();
    arguments.finish()?;
    Ok(Answer::status(&front.service.retry(&front.owner, id).await?))
}
