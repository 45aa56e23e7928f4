//! The tools that Longshore has by itself, beside one for each job type.

mod cancel_job;
mod check_job_status;
mod delete_schedule;
mod enqueue_job;
mod list_job_types;
mod list_jobs;
mod list_schedules;
mod retry_job;
mod schedule_job;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::arguments::Arguments;
use super::caller::Caller;
use super::front::Front;
use super::refusal::Refusal;

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes nothing.
    Looks,
    /// It starts jobs, now or later, which may send messages.
    StartsJobs,
    /// It ends what somebody wanted.
    Undoes,
}

/// A tool as it is listed.
#[derive(Debug)]
pub(super) struct OwnTool {
    /// Its name.
    pub(super) name: &'static str,
    /// A title for people.
    pub(super) title: &'static str,
    /// What it does, for an agent.
    pub(super) description: &'static str,
    /// JSON Schema of its arguments, by whether callbacks are offered.
    pub(super) input_schema: fn(callbacks: bool) -> Value,
    /// What it does to the world.
    pub(super) effect: Effect,
}

/// Schema of the arguments of a tool that concerns one job and asks for nothing more.
fn of_one_job(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": { "job_id": { "type": "string" } },
        "required": ["job_id"]
    })
}

/// All of them, in the order in which they are listed.
pub(super) const ALL: [&OwnTool; 9] = [
    &enqueue_job::TOOL,
    &check_job_status::TOOL,
    &cancel_job::TOOL,
    &retry_job::TOOL,
    &list_jobs::TOOL,
    &list_job_types::TOOL,
    &schedule_job::TOOL,
    &list_schedules::TOOL,
    &delete_schedule::TOOL,
];

/// Whether one of them has that name.
pub(super) fn has(name: &str) -> bool {
    ALL.iter().any(|tool| tool.name == name)
}

/// Calls one of them; `None` if there is none of that name.
pub(super) async fn call(
    front: &Front,
    name: &str,
    arguments: Map<String, Value>,
    caller: &Caller,
) -> Option<Result<Answer, Refusal>> {
    let tool = ALL.iter().find(|tool| tool.name == name)?;
    let arguments = Arguments::new(arguments, &(tool.input_schema)(front.service.offers_callbacks()));
    Some(match name {
        "enqueue_job" => enqueue_job::call(front, arguments, caller).await,
        "check_job_status" => check_job_status::call(front, arguments, caller).await,
        "cancel_job" => cancel_job::call(front, arguments).await,
        "retry_job" => retry_job::call(front, arguments).await,
        "list_jobs" => list_jobs::call(front, arguments).await,
        "list_job_types" => list_job_types::call(front, arguments).await,
        "schedule_job" => schedule_job::call(front, arguments).await,
        "list_schedules" => list_schedules::call(front, arguments).await,
        "delete_schedule" => delete_schedule::call(front, arguments).await,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use longshore_domain::RESERVED_TOOL_NAMES;

    use super::ALL;

    #[test]
    fn no_job_type_can_be_named_like_a_tool() {
        for tool in ALL {
            assert!(RESERVED_TOOL_NAMES.contains(&tool.name), "{}", tool.name);
        }
    }
}
