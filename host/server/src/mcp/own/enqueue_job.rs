//! `enqueue_job`: starts a job of any type without waiting for it.

use longshore_scheduler::SubmitRequest;
use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::caller::Caller;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "enqueue_job",
    title: "Enqueue a job",
    description: "Starts a background job and returns its job_id at once; the job survives restarts. Unlike the job \
                  type's own tool it never waits for a result, can start the job later, and is safe to repeat with an \
                  idempotency_key.",
    input_schema,
    effect: Effect::StartsJobs,
};

fn input_schema(callbacks: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {
            "job_type": { "type": "string" },
            "payload": { "type": "object", "description": "The arguments of the job type's tool." },
            "idempotency_key": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "description": "The same key and payload return the same job, also once it has ended."
            },
            "max_wait_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "Deadline: the job fails unless it ends within this time. Makes no call wait; leave it out if a late result is of use."
            },
            "delay_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "Start the job this much later."
            },
            "run_at": {
                "type": "string",
                "format": "date-time",
                "description": "Start the job at this time (one in the past: at once), such as 2026-03-31T18:00:00+05:30."
            },
            "priority": {
                "type": "integer",
                "minimum": -100,
                "maximum": 100,
                "description": "Higher runs first; 0 by default."
            }
        },
        "required": ["job_type"]
    });
    if callbacks {
        schema["properties"]["callback_url"] = json!({
            "type": "string",
            "maxLength": 2000,
            "description": "Post a signed message (Standard Webhooks) here when the job has ended."
        });
    }
    schema
}

pub(super) async fn call(
    front: &Front,
    mut arguments: Arguments,
    caller: &Caller,
) -> Result<Answer, Refusal> {
    let request = SubmitRequest {
        job_type: arguments.required_text("job_type"),
        payload: arguments.value("payload").unwrap_or_else(|| Value::Object(Map::new())),
        idempotency_key: arguments.text("idempotency_key"),
        max_wait: arguments.seconds("max_wait_seconds"),
        delay: arguments.seconds("delay_seconds"),
        run_at: arguments.time("run_at"),
        priority: arguments.integer("priority", -100, 100).unwrap_or(0) as i32,
        callback_url: if front.service.offers_callbacks() {
            arguments.text("callback_url")
        } else {
            arguments.unlisted_text("callback_url")
        },
    };
    arguments.finish_beside("payload")?;
    let submitted = front
        .service
        .submit(&front.owner, request)
        .await
        .map_err(|error| Refusal::from(error).within("/payload"))?;
    // A client that cancelled the call was not given the job's id, and may call again.
    if !submitted.deduplicated && !front.in_flight.answer(&caller.id) && !front.closing.is_cancelled() {
        front.service.cancel(&front.owner, submitted.status.task.id).await?;
    }
    Ok(if submitted.deduplicated {
        Answer::known_key(&submitted.status)
    } else {
        Answer::status(&submitted.status)
    })
}
