//! `longshore task show`

mod story;

use anyhow::Result;
use longshore_domain::{
    AttemptRecord, CheckpointSummary, LogLine, MessageState, OutboxMessage, Owner, TaskId, TaskState,
};
use longshore_scheduler::{TaskService, TaskStatus};
use serde_json::{Value, json};

use super::Job;
use crate::cli::call::longshore;
use crate::cli::kept::{self, job_json};
use crate::cli::output::{print, print_json};
use crate::cli::table::Table;
use crate::cli::text;
use crate::view::{JobView, MessageView, rfc3339};
use crate::{shell, terminal};

const AFTER_HELP: &str = "\
Examples:
  longshore task show 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11
  longshore task show 5f0e9a2c        by its first digits
  longshore task show last            the newest job
  longshore task show 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11 --json | jq .result";

/// Show one job and its whole story: input, attempts, log, checkpoint, messages, files, result or error
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    job: Job,

    /// Print the job's status with `payload`, `priority`, `idempotency_key`, `deadline_at`, `attempt_history`, `checkpoint`,
    /// `messages` and `log`
    #[arg(long)]
    json: bool,
}

/// Messages that are shown one by one.
const MESSAGES_MAX: usize = 20;
/// Lines of the log that are read at once.
const LOG_PAGE: u32 = 1_000;

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let owner = Owner::local();
    let id = args.job.resolve(service, &owner).await?;
    let status = service.check_artifacts(service.status(&owner, id).await?).await;
    let attempts = service.attempts(&owner, id).await?;
    let checkpoint = service.checkpoint(&owner, id).await?;
    let messages = service.messages(&owner, id).await?;
    let log = whole_log(service, &owner, id).await?;
    if args.json {
        let mut view = job_json(&status)?;
        view["payload"] = payload(&status);
        view["priority"] = json!(status.task.priority);
        view["idempotency_key"] = json!(status.task.idempotency_key);
        view["deadline_at"] = json!(status.task.deadline_at.map(rfc3339));
        view["attempt_history"] = attempts.iter().map(attempt_view).collect();
        view["checkpoint"] = json!(checkpoint);
        view["messages"] = messages.iter().map(|message| json!(MessageView::from(message))).collect();
        view["log"] = log.iter().map(log_view).collect();
        return print_json(&view);
    }
    let mut sections =
        vec![summary(&status, &attempts, checkpoint.as_ref()), story::story(&status.task, &attempts, &log)];
    if !messages.is_empty() {
        sections.push(message_table(id, &messages));
    }
    print(&sections.join("\n\n"))
}

async fn whole_log(service: &TaskService, owner: &Owner, id: TaskId) -> Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    loop {
        let page = service.log(owner, id, lines.len() as u64, LOG_PAGE).await?;
        let is_last = page.len() < LOG_PAGE as usize;
        lines.extend(page);
        if is_last {
            return Ok(lines);
        }
    }
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
        "saves": attempt.saves,
        "component": attempt.component,
        "worker": attempt.worker,
    })
}

fn log_view(line: &LogLine) -> Value {
    json!({ "attempt": line.attempt, "at": rfc3339(line.at), "level": line.level.as_str(), "message": line.message })
}

/// Why the last attempt of a cancelled job ended otherwise than by itself.
pub(in crate::cli) fn interruption<'a>(
    status: &TaskStatus,
    attempts: &'a [AttemptRecord],
) -> Option<&'a str> {
    let task = &status.task;
    let last = attempts.last().filter(|_| task.state == TaskState::Cancelled)?;
    // Only of an attempt that the cancel ended: one that ended before has its own reason.
    let was_ended = last.ended_at == task.finished_at && last.outcome.as_deref() == Some("cancelled");
    last.message.as_deref().filter(|_| was_ended)
}

fn summary(
    status: &TaskStatus,
    attempts: &[AttemptRecord],
    checkpoint: Option<&CheckpointSummary>,
) -> String {
    let view = JobView::from(status);
    let mut lines = Vec::new();
    // Values are what others said: all of their lines stand in the column of values.
    let mut line = |name: &str, value: String| {
        lines.push(format!("{name:<10} {}", terminal::hanging(&value, 11)).trim_end().to_owned());
    };
    line("Job", view.job_id.clone());
    line("Type", view.job_type.clone());
    let why = interruption(status, attempts).map(|why| format!(" ({why})")).unwrap_or_default();
    line("Status", format!("{}{why}", view.status.as_str()));
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
    if let Some(saved) = checkpoint {
        let CheckpointSummary { attempt, saves, state_bytes, messages, .. } = saved;
        let (state, files) = (text::size(*state_bytes), text::counted(saved.artifacts.len() as u64, "file"));
        let messages = text::counted((*messages).into(), "message");
        line(
            "Checkpoint",
            format!(
                "save {saves} of the job, by attempt {attempt}: {state} of state, {files}, {messages}; the next attempt \
                 goes on from there"
            ),
        );
    }
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
        let sha256 =
            artifact.sha256.as_deref().map(|digest| format!(", SHA-256 {digest}")).unwrap_or_default();
        line("File", format!("{} ({}{sha256})", shell::quote(&artifact.path), text::size(artifact.bytes)));
        if let Some(problem) = &artifact.problem {
            line("", format!("artifact_corrupt: {problem}"));
        }
    }
    if let Some(until) = kept::until(status) {
        line("Kept until", until);
    }
    lines.join("\n")
}

/// The messages; of many, those first that somebody may have to look after.
fn message_table(task: TaskId, messages: &[OutboxMessage]) -> String {
    let mut table = Table::new(&["MESSAGE TO", "CHANNEL", "STATE", "TRIES", "DELIVERED", "SUBJECT", ""]);
    let mut shown: Vec<&OutboxMessage> = messages.iter().collect();
    if shown.len() > MESSAGES_MAX {
        shown.sort_by_key(|message| match message.state {
            MessageState::Dead => 0,
            MessageState::Pending => 1,
            MessageState::Delivered => 2,
        });
        shown.truncate(MESSAGES_MAX);
    }
    for message in &shown {
        table.row(&[
            message.message.recipient.clone(),
            message.message.channel.clone(),
            message.state.as_str().to_owned(),
            message.tries.to_string(),
            message.delivered_at.map(|at| text::time(&rfc3339(at))).unwrap_or_default(),
            message.message.subject.clone(),
            message.last_error.clone().unwrap_or_default(),
        ]);
    }
    let left_out = messages.len() - shown.len();
    if left_out > 0 {
        let more = text::counted(left_out as u64, "more message");
        format!("{}\n({more}: {} task show {task} --json has all)", table.render(), longshore())
    } else {
        table.render()
    }
}
