//! `schedule_job`: keeps a job that comes again.

use longshore_domain::{InputViolation, Overlap, TimetableError};
use longshore_scheduler::{ScheduleRequest, ServiceError};
use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "schedule_job",
    title: "Schedule a job",
    description: "Starts a job again and again, at the times that cron names, whether a client is connected or not. \
                  However many times were missed, one job makes up for them. The same call again changes nothing. For one \
                  later job use enqueue_job with run_at.",
    input_schema,
    effect: Effect::StartsJobs,
};

fn input_schema(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 64
            },
            "job_type": { "type": "string" },
            "payload": { "type": "object", "description": "The arguments of the job type's tool." },
            "cron": {
                "type": "string",
                "maxLength": 200,
                "description": "Such as \"30 2 * * MON-FRI\"; a sixth field in front is seconds; also @hourly, @daily and the like."
            },
            "time_zone": {
                "type": "string",
                "description": "Of cron, such as Asia/Kolkata: the user's, for a local time of day. UTC by default."
            },
            "overlap": {
                "type": "string",
                "enum": Overlap::ALL.iter().map(|overlap| overlap.as_str()).collect::<Vec<_>>(),
                "description": "While its last job runs: skip (default) leaves this time out, queue starts another."
            },
            "priority": {
                "type": "integer",
                "minimum": -100,
                "maximum": 100,
                "description": "Higher runs first; 0 by default."
            }
        },
        "required": ["name", "job_type", "cron"]
    })
}

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let overlap = |name: &str| Overlap::ALL.iter().copied().find(|overlap| overlap.as_str() == name);
    let request = ScheduleRequest {
        name: arguments.required_text("name"),
        job_type: arguments.required_text("job_type"),
        payload: arguments.value("payload").unwrap_or_else(|| Value::Object(Map::new())),
        cron: arguments.required_text("cron"),
        time_zone: arguments.text("time_zone").unwrap_or_else(|| "UTC".into()),
        overlap: arguments.parsed("overlap", "skip or queue", overlap).unwrap_or_default(),
        priority: arguments.integer("priority", -100, 100).unwrap_or(0) as i32,
    };
    arguments.finish_beside("payload")?;
    let scheduled = front.service.schedule_job(&front.owner, request).await.map_err(refusal)?;
    let next = "It starts a job at each of its times, by itself; next_at is the first. list_schedules shows what came of it, \
                delete_schedule ends it.";
    Ok(Answer::schedule(&scheduled.status).with("existed", scheduled.existed).with("next", next))
}

/// Says which argument is wrong.
fn refusal(error: ServiceError) -> Refusal {
    let field = match &error {
        ServiceError::Timetable(TimetableError::UnknownTimeZone { .. }) => "/time_zone",
        ServiceError::Timetable(_) => "/cron",
        _ => return Refusal::from(error).within("/payload"),
    };
    let violation = InputViolation { field: field.into(), message: error.to_string() };
    Refusal { violations: vec![violation], ..error.into() }
}
