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
    description: "Starts a background job again and again, at the times that cron names in a time zone. The schedule is \
                  durable when the answer comes, and its jobs are started whether a client is there or not, as long as any \
                  process of the host runs; times that were missed meanwhile come once. Calling again with the same \
                  arguments changes nothing. For one job at one later time use enqueue_job with run_at.",
    input_schema,
    effect: Effect::StartsJobs,
    idempotent: true,
};

fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 64,
                "description": "Name of the schedule, by which delete_schedule finds it."
            },
            "job_type": { "type": "string", "description": "Name of the job type, as list_job_types shows it." },
            "payload": { "type": "object", "description": "Input of each job, as the schema of its type demands." },
            "cron": {
                "type": "string",
                "maxLength": 200,
                "description": "Minute, hour, day of month, month, day of week, such as \"30 2 * * MON-FRI\"; or six \
                                fields that begin with the second; or @hourly, @daily, @weekly, @monthly, @yearly."
            },
            "time_zone": {
                "type": "string",
                "default": "UTC",
                "description": "IANA name of the time zone that cron is read in, such as Asia/Kolkata."
            },
            "overlap": {
                "type": "string",
                "enum": Overlap::ALL.iter().map(|overlap| overlap.as_str()).collect::<Vec<_>>(),
                "default": Overlap::default().as_str(),
                "description": "When it is due and its last job has not ended: skip leaves this time out, queue starts \
                                another job all the same."
            },
            "priority": {
                "type": "integer",
                "minimum": -100,
                "maximum": 100,
                "default": 0,
                "description": "Higher runs first: each step is worth a minute of waiting."
            }
        },
        "required": ["name", "job_type", "cron"],
        "additionalProperties": false
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
    arguments.finish()?;
    let scheduled = front.service.schedule_job(&front.owner, request).await.map_err(refusal)?;
    let next = "It goes on by itself. list_schedules shows what came of it, delete_schedule ends it.";
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
