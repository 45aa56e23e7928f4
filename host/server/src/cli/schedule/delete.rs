//! `longshore schedule delete`

use anyhow::Result;
use longshore_domain::Owner;
use longshore_scheduler::TaskService;

use crate::cli::output::print;

const AFTER_HELP: &str = "\
Examples:
  longshore schedule delete 'nightly export'

Jobs that it started go on. A schedule of longshore.toml is deleted there.";

/// Delete a schedule that an agent made
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Name of the schedule, as `longshore schedule list` shows it
    name: String,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    service.delete_schedule(&Owner::local(), &args.name).await?;
    print(&format!("Schedule {:?} is deleted.", args.name))
}
