//! `delete_schedule`: ends what comes again.

use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "delete_schedule",
    title: "Delete a schedule",
    description: "Deletes a schedule, so that it starts no more jobs. Those that it started go on; cancel_job stops them. \
                  A schedule of origin config is the operator's and cannot be deleted here.",
    input_schema,
    effect: Effect::Undoes,
    idempotent: true,
};

fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "name": { "type": "string", "description": "Name of the schedule." } },
        "required": ["name"],
        "additionalProperties": false
    })
}

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let name = arguments.required_text("name");
    arguments.finish()?;
    front.service.delete_schedule(&front.owner, &name).await?;
    let mut body = Map::new();
    body.insert("name".into(), name.into());
    body.insert("deleted".into(), true.into());
    Ok(Answer::data(body))
}
