//! `longshore schedule list`

use anyhow::Result;
use longshore_domain::Owner;
use longshore_scheduler::TaskService;
use serde_json::json;

use crate::cli::output::{print, print_json, say};
use crate::cli::table::Table;
use crate::cli::text;
use crate::view::ScheduleView;

const AFTER_HELP: &str = "\
Examples:
  longshore schedule list
  longshore schedule list --json | jq -r '.schedules[] | select(.last.outcome == \"refused\") | .name'

Schedules of longshore.toml are in the list once a `serve` or a `worker` has started with them.";

/// List schedules by name: when they are due, and what came of them last
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Print an object with `schedules`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let schedules = service.list_schedules(&Owner::local()).await?;
    let schedules: Vec<ScheduleView> = schedules.iter().map(ScheduleView::from).collect();
    if args.json {
        return print_json(&json!({ "schedules": schedules }));
    }
    if schedules.is_empty() {
        say("There are no schedules.");
        return Ok(());
    }
    print(&table(&schedules).render())
}

fn table(schedules: &[ScheduleView]) -> Table {
    let mut table = Table::new(&["SCHEDULE", "OF", "TYPE", "CRON", "TIME ZONE", "NEXT", "LAST", ""]);
    for schedule in schedules {
        let (last, why) = match &schedule.last {
            None => (String::new(), None),
            Some(last) => (
                format!("{} {}", last.outcome, text::time(&last.at)),
                last.error.as_ref().map(|error| format!("{}: {}", error.code, error.message)),
            ),
        };
        table.row(&[
            schedule.name.clone(),
            schedule.origin.as_str().to_owned(),
            schedule.job_type.clone(),
            schedule.cron.clone(),
            schedule.time_zone.clone(),
            text::time(&schedule.next_at),
            last,
            schedule.waiting_reason.clone().or(why).unwrap_or_default(),
        ]);
    }
    table
}
