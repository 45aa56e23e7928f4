//! `check_job_status`: how a job is, now or when that changes.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::caller::Caller;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;
use crate::mcp::wait::{Until, wait};

/// Longest time that an answer is held. Many clients give up on a call after 60 s.
const WAIT_MAX: Duration = Duration::from_secs(50);

pub(super) const TOOL: OwnTool = OwnTool {
    name: "check_job_status",
    title: "Check a job",
    description: "Tells how a job is: status (scheduled, queued, running, completed, failed, cancelled), progress, and \
                  once it has ended its result and artifacts, or its error. wait_seconds holds the answer until the status \
                  changes. While a job is not at its end, call again after poll_after_ms.",
    input_schema,
    effect: Effect::Looks,
    idempotent: true,
};

fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "job_id": { "type": "string", "description": "Id of the job, as the call that started it or list_jobs gave it." },
            "wait_seconds": {
                "type": "number",
                "minimum": 0,
                "default": 0,
                "description": "Answer when the status changes, or after this time; 50 at most, more is taken as 50."
            }
        },
        "required": ["job_id"],
        "additionalProperties": false
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
    match wait(front, id, Until::Change, timeout, caller).await? {
        Some(status) => Ok(Answer::status(&status)),
        // Only the answer is given up; the job has an owner who knows its id.
        None => Ok(Answer::data(serde_json::Map::new())),
    }
}
