//! `enqueue_job`: starts a job of any type without waiting for it.

use longshore_scheduler::SubmitRequest;
use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "enqueue_job",
    title: "Enqueue a job",
    description: "Starts a background job of the given type and answers at once with its job_id. The job is durable when \
                  the answer comes: it survives restarts. Use this instead of the job type's own tool to start it later, \
                  to give an idempotency_key, or when no result is awaited. list_job_types shows the types and the schema \
                  of each payload.",
    input_schema,
    effect: Effect::StartsJobs,
    idempotent: false,
};

fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "job_type": { "type": "string", "description": "Name of the job type, as list_job_types shows it." },
            "payload": { "type": "object", "description": "Input of the job, as the schema of its type demands." },
            "idempotency_key": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "description": "Makes the call safe to repeat: the same key and payload give the same job again, with \
                                deduplicated true."
            },
            "max_wait_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "The job fails with deadline_exceeded if it has not ended this long after now."
            },
            "delay_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "Start the job this much later. Not together with run_at."
            },
            "run_at": {
                "type": "string",
                "format": "date-time",
                "description": "Start the job at this time, in RFC 3339 with an offset. Not together with delay_seconds."
            },
            "priority": {
                "type": "integer",
                "minimum": -100,
                "maximum": 100,
                "default": 0,
                "description": "Higher runs first: each step is worth a minute of waiting."
            },
            "callback_url": {
                "type": "string",
                "format": "uri",
                "maxLength": 2000,
                "description": "Where to post a signed message (Standard Webhooks) once the job has ended. It must be \
                                one that the host's operator allows."
            }
        },
        "required": ["job_type"],
        "additionalProperties": false
    })
}

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let request = SubmitRequest {
        job_type: arguments.required_text("job_type"),
        payload: arguments.value("payload").unwrap_or_else(|| Value::Object(Map::new())),
        idempotency_key: arguments.text("idempotency_key"),
        max_wait: arguments.seconds("max_wait_seconds"),
        delay: arguments.seconds("delay_seconds"),
        run_at: arguments.time("run_at"),
        priority: arguments.integer("priority", -100, 100).unwrap_or(0) as i32,
        callback_url: arguments.text("callback_url"),
    };
    arguments.finish()?;
    let submitted = front
        .service
        .submit(&front.owner, request)
        .await
        .map_err(|error| Refusal::from(error).within("/payload"))?;
    Ok(Answer::status(&submitted.status).with("deduplicated", submitted.deduplicated))
}
