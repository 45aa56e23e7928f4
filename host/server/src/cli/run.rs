//! `longshore run`: one job from the call to its files, with a progress bar meanwhile.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use longshore_domain::{MessageState, OutboxMessage, Owner, TaskId, TaskState};
use longshore_scheduler::{SubmitRequest, TaskService, TaskStatus};
use serde_json::Value;

use super::bar::Bar;
use super::call::longshore;
use super::errors::Usage;
use super::output::{print, print_json, say};
use super::signals::{Asked, Signals};
use super::task::show;
use super::{Global, kept, say_if_long, start, text};
use crate::app::{Role, Shutdown};
use crate::view::JobView;
use crate::{shell, terminal};

const AFTER_HELP: &str = "\
Examples:
  longshore run bulk_invoice --payload '{\"city\":\"Delhi\",\"month\":\"2026-03\"}'
  longshore run export --payload @export.json
  echo '{\"table\":\"orders\",\"format\":\"csv\"}' | longshore run export --payload - --json
  longshore run export --payload @export.json --detach    leave the work to another process

The job runs in the same sandbox and under the same limits as one that an agent asks for. Ctrl-C cancels it; a second Ctrl-C
leaves at once. SIGTERM gives it back, and --detach does not begin: another process of the project goes on with it, and where
there is none, a worker stays behind until it has ended. Exit code: 0 completed, 1 failed, 2 wrong
usage, 130 cancelled, 143 given back.";

/// How often the bar moves.
const LOOK: Duration = Duration::from_millis(100);
/// How long the messages of a completed job are waited for. Those that take longer are delivered by another process.
const DELIVERY_MAX: Duration = Duration::from_secs(10);

/// Run one job and see its progress and result
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What kind of job, as `longshore plugin list` names it
    job_type: String,

    /// Input of the job: JSON, @FILE to read it from a file, or - to read it from stdin
    #[arg(long, short, default_value = "{}", value_name = "JSON|@FILE|-")]
    payload: String,

    /// Names the job: the same key with the same payload gives the same job again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,

    /// Higher runs first, from -100 to 100; each step is worth a minute of waiting
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,

    /// Only submit the job; another process of the project runs it
    #[arg(long)]
    detach: bool,

    /// Print the final status as JSON, and no bar
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<ExitCode> {
    let payload = read_payload(&args.payload)?;
    let config = global.config()?;
    let mut signals = Signals::listen()?;
    let role = if args.detach { Role::Submit } else { Role::Run };
    let mut host = start(&config, role).await?;
    let request = SubmitRequest {
        job_type: args.job_type,
        payload,
        idempotency_key: args.idempotency_key,
        priority: args.priority,
        ..SubmitRequest::default()
    };
    let owner = Owner::local();
    say_if_long(host.service().one_loaded(&request.job_type)).await;
    let submitted = host.service().submit(&owner, request).await?;
    let mut status = submitted.status;
    if submitted.deduplicated {
        say(&format!("This key has named job {} before.", status.task.id));
    }
    if status.task.paused_since.is_some() {
        say(status.waiting.as_deref().unwrap_or_default());
    }
    let mut left = args.detach.then_some(Left::ToOthers);
    if !args.detach {
        let id = status.task.id;
        (status, left) = follow(&host.service(), id, &mut signals, !args.json).await?;
    }
    let messages = if left.is_some() { Vec::new() } else { delivered(&host.service(), &status).await? };
    let attempts = match status.task.state {
        TaskState::Cancelled => host.service().attempts(&owner, status.task.id).await?,
        _ => Vec::new(),
    };
    let interruption = show::interruption(&status, &attempts).map(str::to_owned);
    // What it leaves, or took on of others meanwhile, goes on.
    host.leave_a_worker(&config).await;
    host.shutdown(Shutdown::Now).await;
    if args.json {
        print_json(&kept::job_json(&status)?)?;
    } else {
        print(&report(&status, interruption.as_deref(), &messages))?;
    }
    Ok(exit_code(&status, left))
}

/// Why a job was left before its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It was not to be followed.
    ToOthers,
    /// By a second Ctrl-C.
    Interrupted,
    /// Because this process was told to end.
    Terminated,
}

/// Follows the job to its end, and cancels it on the first Ctrl-C. Leaves it on the second, or when the process is told
/// to end: others go on with it then.
async fn follow(
    service: &TaskService,
    id: TaskId,
    signals: &mut Signals,
    show: bool,
) -> Result<(TaskStatus, Option<Left>)> {
    let owner = Owner::local();
    let mut watch = service.watch(id);
    let mut bar = Bar::new(show);
    let mut cancelled = false;
    loop {
        let status = service.status(&owner, id).await?;
        bar.show(&status);
        if status.task.state.is_terminal() {
            bar.end();
            return Ok((status, None));
        }
        tokio::select! {
            () = watch.changed() => {}
            // Reasons to wait are no changes of the task.
            () = tokio::time::sleep(LOOK) => {}
            asked = signals.next() => {
                if asked == Asked::Terminate || cancelled {
                    bar.end();
                    let left = if asked == Asked::Terminate { Left::Terminated } else { Left::Interrupted };
                    return Ok((status, Some(left)));
                }
                cancelled = true;
                bar.note("cancelling (Ctrl-C again leaves at once)");
                service.cancel(&owner, id).await?;
            }
        }
    }
}

/// The messages of a completed job, once each was tried. Nobody else may be there to deliver them.
async fn delivered(service: &TaskService, status: &TaskStatus) -> Result<Vec<OutboxMessage>> {
    if status.task.state != TaskState::Completed {
        return Ok(Vec::new());
    }
    let started = Instant::now();
    loop {
        let messages = service.messages(&Owner::local(), status.task.id).await?;
        let is_untried =
            |message: &OutboxMessage| message.state == MessageState::Pending && message.last_error.is_none();
        if !messages.iter().any(is_untried) || started.elapsed() > DELIVERY_MAX {
            return Ok(messages);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn exit_code(status: &TaskStatus, left: Option<Left>) -> ExitCode {
    match status.task.state {
        TaskState::Completed => ExitCode::SUCCESS,
        TaskState::Failed => ExitCode::FAILURE,
        TaskState::Cancelled => ExitCode::from(130),
        _ => match left {
            Some(Left::Interrupted) => ExitCode::from(130),
            Some(Left::Terminated) => ExitCode::from(143),
            Some(Left::ToOthers) | None => ExitCode::SUCCESS,
        },
    }
}

/// What people are told at the end.
fn report(status: &TaskStatus, interruption: Option<&str>, messages: &[OutboxMessage]) -> String {
    let (task, view) = (&status.task, JobView::from(status));
    let (id, longshore) = (&view.job_id, longshore());
    let mut lines = Vec::new();
    let took = match (task.started_at, task.finished_at) {
        (Some(start), Some(end)) => format!(" in {}", text::span(end.since(start))),
        _ => String::new(),
    };
    let records = view.records_processed.map(|records| format!("{} ", text::counted(records, "record")));
    let records = records.unwrap_or_default();
    match task.state {
        TaskState::Completed => lines.push(format!("Completed{took}: {records}(job {id})")),
        TaskState::Cancelled => {
            let why = interruption.map(|why| format!("; {why}")).unwrap_or_default();
            let done = text::counted(view.progress.done, "unit");
            lines.push(format!("Cancelled{took} after {done} (job {id}){why}"));
        }
        TaskState::Failed => {
            let (code, message) = view
                .error
                .as_ref()
                .map_or(("unknown", ""), |error| (error.code.as_str(), error.message.as_str()));
            lines.push(format!("Failed{took} ({code}): {message} (job {id})"));
            lines.push(format!(
                "hint: `{longshore} task show {id}` shows its attempts, `{longshore} task log {id}` its log"
            ));
        }
        state => {
            let stopping = if task.cancel_requested { ", and has been told to stop" } else { "" };
            lines.push(format!("Job {id} is {}{stopping}", state.as_str()));
            lines.push(format!("hint: `{longshore} task show {id}` shows how it goes on"));
        }
    }
    // What jobs and receivers say may have lines of its own; those of a result are JSON's.
    lines = lines.iter().map(|line| terminal::hanging(line, 2)).collect();
    if let Some(result) = &view.result {
        lines.push(format!("{result:#}"));
    }
    for artifact in &view.artifacts {
        lines.push(format!(
            "{}  ({}, {})",
            shell::quote(&artifact.path),
            terminal::line(&artifact.media_type),
            text::size(artifact.bytes)
        ));
    }
    if let Some(until) = kept::until(status).filter(|_| !view.artifacts.is_empty()) {
        lines.push(format!("Kept until {until}, then deleted with the job"));
    }
    lines.extend(messages_line(messages).map(|line| terminal::hanging(&line, 2)));
    lines.join("\n")
}

/// How many messages went out, and why others did not.
fn messages_line(messages: &[OutboxMessage]) -> Option<String> {
    let sent = messages.iter().filter(|message| message.state == MessageState::Delivered).count();
    let of =
        |count: u64| format!("{} of {} delivered", text::count(sent as u64), text::counted(count, "message"));
    let trouble = messages.iter().find_map(|message| message.last_error.as_deref());
    match (messages.len(), trouble) {
        (0, _) => None,
        (all, None) => Some(of(all as u64)),
        (all, Some(error)) => Some(format!("{}; one that was not: {error}", of(all as u64))),
    }
}

/// The payload that the argument names.
fn read_payload(argument: &str) -> Result<Value> {
    let (what, text) = if argument == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the payload from stdin")?;
        ("stdin".to_owned(), text)
    } else if let Some(path) = argument.strip_prefix('@') {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read the payload from {path}"))?;
        (path.to_owned(), text)
    } else {
        ("--payload".to_owned(), argument.to_owned())
    };
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("the payload in {what} is no JSON: {error}");
        let hint = "a payload is an object in quotes, such as --payload '{\"city\":\"Delhi\"}', or a file, as --payload @FILE";
        Usage { message, hint: hint.into() }.into()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_comes_from_the_argument_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payload.json");
        std::fs::write(&path, r#"{"n": 1}"#).unwrap();
        assert_eq!(read_payload(&format!("@{}", path.display())).unwrap(), json!({"n": 1}));
        assert_eq!(read_payload("{}").unwrap(), json!({}));
        let error = read_payload("{city: Delhi}").unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("line 1 column 2"), "{error}");
        assert!(read_payload("@/no/such/file").unwrap_err().to_string().contains("/no/such/file"));
    }
}
