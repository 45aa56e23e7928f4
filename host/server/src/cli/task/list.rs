//! `longshore task list`

use anyhow::Result;
use longshore_domain::TaskFilter;
use longshore_scheduler::{TaskService, TaskStatus};
use serde_json::{Value, json};

use super::filter::Filter;
use crate::cli::kept::job_json;
use crate::cli::output::{print, print_json, say};
use crate::cli::table::Table;
use crate::cli::text;
use crate::view::JobView;

const AFTER_HELP: &str = "\
Examples:
  longshore task list
  longshore task list --status failed --job-type export
  longshore task list --code worker_lost --since 2h
  longshore task list --json | jq '.jobs[].job_id'";

/// List jobs, newest first
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filter: Filter,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,

    /// Go on where an earlier list ended
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,

    /// Print an object with `jobs` and `next`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let filter = TaskFilter { limit: args.limit, after: args.after, ..args.filter.at(service.now()) };
    let page = service.list(filter).await?;
    let listed: Vec<TaskStatus> = page.tasks.into_iter().map(|task| service.describe_listed(task)).collect();
    if args.json {
        let rows = listed.iter().map(row).collect::<Result<Vec<Value>>>()?;
        return print_json(&json!({"jobs": rows, "next": page.next}));
    }
    let jobs: Vec<JobView> = listed.iter().map(JobView::from).collect();
    if jobs.is_empty() {
        say("There are no such jobs.");
        return Ok(());
    }
    print(&table(&jobs).render())?;
    if let Some(next) = page.next {
        say(&format!("There are more: add --after {next}"));
    }
    Ok(())
}

/// A job as `--json` has it. Artifacts are not read for a list, so nothing is said of them.
fn row(status: &TaskStatus) -> Result<Value> {
    let mut row = job_json(status)?;
    if let Some(fields) = row.as_object_mut() {
        fields.shift_remove("artifacts");
    }
    Ok(row)
}

fn table(jobs: &[JobView]) -> Table {
    let mut table = Table::new(&["JOB", "TYPE", "STATUS", "CREATED", "PROGRESS", ""]);
    for job in jobs {
        let progress = match (job.progress.done, job.progress.total) {
            (0, None) => String::new(),
            (done, None) => text::count(done),
            (done, Some(total)) => format!("{} of {}", text::count(done), text::count(total)),
        };
        let remark = match (&job.error, &job.waiting_reason) {
            (Some(error), _) => format!("{}: {}", error.code.as_str(), error.message),
            (None, Some(reason)) => reason.clone(),
            // What a job said last is of interest only while it may say more.
            (None, None) if job.status.is_terminal() => String::new(),
            (None, None) => job.progress.message.clone(),
        };
        table.row(&[
            job.job_id.clone(),
            job.job_type.clone(),
            job.status.as_str().to_owned(),
            text::time(&job.created_at),
            progress,
            remark,
        ]);
    }
    table
}
