//! `longshore task show`

use anyhow::Result;
use longshore_domain::{AttemptRecord, Owner};
use longshore_scheduler::{TaskService, TaskStatus};
use serde_json::{Value, json};

use super::Job;
use crate::cli::output::{print, print_json};
use crate::cli::table::Table;
use crate::cli::text;
use crate::view::{JobView, MessageView, rfc3339};

const AFTER_HELP: &str = "\
Examples:
  longshore task show 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11
  longshore task show 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11 --json | jq .result";

/// Show one job: input, progress, result or error, attempts, files and messages
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    job: Job,

    /// Print the job's status with `payload`, `attempt_history` and `messages`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let owner = Owner::local();
    let status = service.status(&owner, args.job.id).await?;
    let attempts = service.attempts(&owner, args.job.id).await?;
    let messages = service.messages(&owner, args.job.id).await?;
    if args.json {
        let mut view = serde_json::to_value(JobView::from(&status))?;
        view["payload"] = payload(&status);
        view["attempt_history"] = attempts.iter().map(attempt_view).collect();
        view["messages"] = messages.iter().map(|message| json!(MessageView::from(message))).collect();
        return print_json(&view);
    }
    let mut sections = vec![summary(&status)];
    if !attempts.is_empty() {
        sections.push(attempt_table(&attempts).render());
    }
    if !messages.is_empty() {
        let mut table = Table::new(&["MESSAGE TO", "CHANNEL", "STATE", "SUBJECT", ""]);
        for message in &messages {
            table.row(&[
                message.message.recipient.clone(),
                message.message.channel.clone(),
                message.state.as_str().to_owned(),
                message.message.subject.clone(),
                message.last_error.clone().unwrap_or_default(),
            ]);
        }
        sections.push(table.render());
    }
    print(&sections.join("\n\n"))
}

fn payload(status: &TaskStatus) -> Value {
    // It was JSON when it was taken; should the file have been changed since, its text is shown.
    serde_json::from_str(&status.task.payload).unwrap_or_else(|_| Value::String(status.task.payload.clone()))
}

fn attempt_view(attempt: &AttemptRecord) -> Value {
    json!({
        "number": attempt.number,
        "outcome": attempt.outcome,
        "message": attempt.message,
        "detail": attempt.detail,
        "started_at": rfc3339(attempt.started_at),
        "ended_at": attempt.ended_at.map(rfc3339),
        "fuel": attempt.usage.fuel,
        "memory_bytes": attempt.usage.memory_bytes,
        "component": attempt.component,
        "worker": attempt.worker,
    })
}

fn summary(status: &TaskStatus) -> String {
    let view = JobView::from(status);
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(format!("{name:<10} {value}"));
    line("Job", view.job_id.clone());
    line("Type", view.job_type.clone());
    line("Status", view.status.as_str().to_owned());
    if let Some(schedule) = &view.schedule {
        line("Schedule", schedule.clone());
    }
    line("Created", text::time(&view.created_at));
    for (name, time) in [("Due", &view.due_at), ("Started", &view.started_at), ("Ended", &view.completed_at)]
    {
        if let Some(time) = time {
            line(name, text::time(time));
        }
    }
    let total = view.progress.total.map(|total| format!(" of {}", text::count(total))).unwrap_or_default();
    line("Progress", format!("{}{total}  {}", text::count(view.progress.done), view.progress.message));
    line("Payload", payload(status).to_string());
    if let Some(reason) = &view.waiting_reason {
        line("Waiting", reason.clone());
    }
    if view.cancel_requested {
        line("Cancel", "asked for; it ends at its next call to the host, or after its grace period".into());
    }
    if let Some(error) = &view.error {
        line("Error", format!("{}: {}", error.code.as_str(), error.message));
    }
    if let Some(result) = &view.result {
        line("Result", format!("{result:#}"));
    }
    for artifact in &view.artifacts {
        line("File", format!("{} ({})", artifact.path.display(), text::size(artifact.bytes)));
    }
    lines.join("\n")
}

fn attempt_table(attempts: &[AttemptRecord]) -> Table {
    let mut table = Table::new(&["ATTEMPT", "STARTED", "TOOK", "OUTCOME", "FUEL", "MEMORY", ""]);
    for attempt in attempts {
        let took = attempt.ended_at.map(|end| text::span(end.since(attempt.started_at))).unwrap_or_default();
        table.row(&[
            attempt.number.to_string(),
            text::time(&rfc3339(attempt.started_at)),
            took,
            attempt.outcome.clone().unwrap_or_else(|| "running".into()),
            text::count(attempt.usage.fuel),
            text::size(attempt.usage.memory_bytes),
            attempt.message.clone().unwrap_or_default(),
        ]);
    }
    table
}
