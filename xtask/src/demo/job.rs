//! One job from the call to its result, with a progress bar meanwhile.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::{Value, json};

use super::client::Client;
use crate::output::say;

/// How often the bar moves. The server advises agents to ask less often.
const LOOK: Duration = Duration::from_millis(100);

/// Calls the tool of a job type and gives the result of its task.
pub(super) fn run(client: &mut Client, tool: &str, arguments: &Value) -> Result<Value> {
    let accepted = client.request("tools/call", json!({"name": tool, "arguments": arguments}))?;
    let id = accepted["taskId"].as_str().with_context(|| format!("no task was made: {accepted}"))?.to_owned();
    say(&format!("demo: accepted as task {id}"));
    let bar = bar()?;
    let task = loop {
        let task = client.request("tasks/get", json!({"taskId": id}))?;
        if task["status"] != "working" {
            break task;
        }
        show(&bar, &status(client, &id)?);
        thread::sleep(LOOK);
    };
    show(&bar, &status(client, &id)?);
    bar.finish();
    let result = &task["result"];
    if task["status"] != "completed" || result["isError"] == true {
        bail!("the job did not complete: {task}");
    }
    Ok(result.clone())
}

/// The status with its numbers, which the task itself does not have.
fn status(client: &mut Client, id: &str) -> Result<Value> {
    let call = json!({"name": "check_job_status", "arguments": {"job_id": id}});
    let mut answer = client.request("tools/call", call)?;
    Ok(answer["structuredContent"].take())
}

fn bar() -> Result<ProgressBar> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = "  {wide_bar} {human_pos}/{human_len}  {rate}  {eta} left  {msg}";
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    bar.set_style(ProgressStyle::with_template(style)?.with_key("rate", rate));
    Ok(bar)
}

fn show(bar: &ProgressBar, status: &Value) {
    let progress = &status["progress"];
    if let Some(total) = progress["total"].as_u64() {
        bar.set_length(total);
    }
    bar.set_position(progress["done"].as_u64().unwrap_or_default());
    bar.set_message(progress["message"].as_str().unwrap_or_default().to_owned());
}
