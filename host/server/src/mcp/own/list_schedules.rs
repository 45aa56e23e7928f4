//! `list_schedules`: what comes again, when, and what came of it last.

use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::{Answer, schedule_row};
use crate::mcp::arguments::Arguments;
use crate::mcp::front::Front;
use crate::mcp::refusal::Refusal;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "list_schedules",
    title: "List schedules",
    description: "Lists the schedules with the time of the next job and what became of the last. With a name it shows \
                  that one with its payload.",
    input_schema,
    effect: Effect::Looks,
};

fn input_schema(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": { "name": { "type": "string" } }
    })
}

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let only = arguments.text("name");
    arguments.finish()?;
    let schedules = match only {
        Some(name) => vec![front.service.schedule(&front.owner, &name).await?],
        None => front.service.list_schedules(&front.owner).await?,
    };
    let schedules: Vec<Value> = schedules.iter().map(|status| Value::Object(schedule_row(status))).collect();
    let mut body = Map::new();
    body.insert("schedules".into(), schedules.into());
    Ok(Answer::data(body))
}
