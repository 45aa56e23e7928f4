//! `check_job_status`: the status of a job, now or once it has ended.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::caller::Caller;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;
use crate::mcp::wait::{deadline, wait};

/// Longest time that an answer is held. Many clients give up on a call after 60 s.
const WAIT_MAX: Duration = Duration::from_secs(50);

pub(super) const TOOL: OwnTool = OwnTool {
    name: "check_job_status",
    title: "Check a job",
    description: "Returns a job's status, progress, and once it has ended its result and artifacts, or its error.",
    input_schema,
    effect: Effect::Looks,
};

fn input_schema(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": {
            "job_id": { "type": "string" },
            "wait_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "Wait up to this long (50 at most) for the job to end; less if your calls time out sooner."
            }
        },
        "required": ["job_id"]
    })
}

pub(super) async fn call(
    front: &Front,
    mut arguments: Arguments,
    caller: &Caller,
) -> Result<Answer, Refusal> {
    let id = arguments.job_id();
    let timeout = arguments.seconds("wait_seconds").unwrap_or_default().min(WAIT_MAX);
    arguments.finish()?;
    if timeout.is_zero() {
        return Ok(Answer::status(&front.service.status(&front.owner, id).await?));
    }
    match wait(front, id, deadline(front, caller, timeout), None, caller).await? {
        Some(status) => Ok(Answer::status(&status)),
        // Only the answer is given up; the job has an owner who knows its id.
        None => Ok(Answer::data(serde_json::Map::new())),
    }
}
