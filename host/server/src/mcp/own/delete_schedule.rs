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
    description: "Deletes a schedule; jobs that it has started run on. Schedules of origin config belong to the \
                  operator and stay.",
    input_schema,
    effect: Effect::Undoes,
};

fn input_schema(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": { "name": { "type": "string" } },
        "required": ["name"]
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
