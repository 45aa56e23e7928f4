//! `longshore task log`

use std::time::Duration;

use anyhow::Result;
use longshore_domain::{LogLine, Owner};
use longshore_scheduler::TaskService;
use serde_json::json;

use super::Job;
use crate::cli::output::{print, print_json_line, say};
use crate::cli::text;
use crate::terminal;
use crate::view::rfc3339;

const AFTER_HELP: &str = "\
Examples:
  longshore task log 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11 --follow
  longshore task log last
  longshore task log 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11 --json | jq -r .message";

/// Lines that are read at once.
const PAGE: u32 = 500;
/// How often new lines are looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Show what a job has logged, in all its attempts
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    job: Job,

    /// Go on until the job has ended
    #[arg(long, short)]
    follow: bool,

    /// Print each line as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let owner = Owner::local();
    let id = args.job.resolve(service, &owner).await?;
    let mut from = 0;
    loop {
        // Asked before the lines are read, so that the last of them are not missed.
        let has_ended = service.status(&owner, id).await?.task.state.is_terminal();
        loop {
            let lines = service.log(&owner, id, from, PAGE).await?;
            from += lines.len() as u64;
            for line in &lines {
                show(line, args.json)?;
            }
            if lines.len() < PAGE as usize {
                break;
            }
        }
        if has_ended || !args.follow {
            if from == 0 && !args.json {
                say("The job has logged nothing.");
            }
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn show(line: &LogLine, as_json: bool) -> Result<()> {
    if as_json {
        let (at, level) = (rfc3339(line.at), line.level.as_str());
        return print_json_line(
            &json!({"attempt": line.attempt, "at": at, "level": level, "message": line.message}),
        );
    }
    print(&told(line))
}

/// A line for people. One that breaks goes on below its own text, where no other line of the log begins.
fn told(line: &LogLine) -> String {
    let (at, level) = (text::time(&rfc3339(line.at)), line.level.as_str());
    let head = format!("{at} #{} {level:5} ", line.attempt);
    format!("{head}{}", terminal::hanging(&line.message, head.len()))
}

#[cfg(test)]
mod tests {
    use longshore_domain::{LogLevel, Timestamp};

    use super::*;

    #[test]
    fn a_job_cannot_make_a_line_that_passes_for_another() {
        let line = LogLine {
            attempt: 1,
            at: Timestamp::from_ms(1_772_323_200_000),
            level: LogLevel::Info,
            message: "done\n2026-03-01 00:00:01Z #2 error forged".into(),
        };
        let indent = " ".repeat(30);
        let expected =
            format!("2026-03-01 00:00:00Z #1 info  done\n{indent}2026-03-01 00:00:01Z #2 error forged");
        assert_eq!(told(&line), expected);
    }
}
