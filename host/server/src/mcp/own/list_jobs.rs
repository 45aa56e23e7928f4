//! `list_jobs`: finds jobs.

use longshore_domain::{InputViolation, StoreError, TaskFilter, TaskState};
use longshore_scheduler::ServiceError;
use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::{self, Answer};
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

const LIMIT_DEFAULT: i64 = 20;
const LIMIT_MAX: i64 = 100;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "list_jobs",
    title: "List jobs",
    description: "Lists jobs, newest first, without results. Finished jobs are kept for a day unless the operator says \
                  otherwise.",
    input_schema,
    effect: Effect::Looks,
};

fn input_schema(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {
                "type": "string",
                "enum": TaskState::ALL.map(TaskState::as_str)
            },
            "job_type": { "type": "string" },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": LIMIT_MAX
            },
            "cursor": { "type": "string", "description": "next_cursor of the previous page." }
        }
    })
}

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let states = TaskState::ALL.map(TaskState::as_str).join(", ");
    let filter = TaskFilter {
        owner: Some(front.owner.clone()),
        state: arguments.parsed("status", &format!("one of {states}"), TaskState::from_name),
        job_type: arguments.parsed("job_type", "the name of a job type", |name| name.parse().ok()),
        limit: arguments.integer("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT) as u32,
        after: arguments.text("cursor"),
        ..TaskFilter::default()
    };
    arguments.finish()?;
    let job_type = filter.job_type.as_ref().map(ToString::to_string);
    let page = front.service.list(filter).await.map_err(|error| match error {
        ServiceError::Store(StoreError::NoSuchPage) => Refusal::arguments(vec![InputViolation {
            field: "/cursor".into(),
            message: "invalid cursor: pass next_cursor from the previous page, or omit it".into(),
        }]),
        error => error.into(),
    })?;
    let now = front.service.now();
    let row = |task| answer::row(&front.service.describe_listed(task), now);
    let jobs: Vec<Value> = page.tasks.into_iter().map(row).collect();
    let (none, catalog) = (jobs.is_empty(), front.service.catalog());
    let mut body = Map::new();
    body.insert("jobs".into(), jobs.into());
    if let Some(next) = page.next {
        body.insert("next_cursor".into(), next.into());
    } else if let Some(name) = job_type.filter(|_| none)
        && !catalog.will_run(&name)
        && !catalog.problems.contains_key(&name)
    {
        let next = format!("There is no job type {name:?} either: list_job_types has the names.");
        body.insert("next".into(), next.into());
    }
    Ok(Answer::data(body))
}
