//! `longshore task retry`

use anyhow::Result;
use longshore_domain::Owner;
use longshore_scheduler::TaskService;

use super::Job;
use crate::cli::kept::job_json;
use crate::cli::output::{print, print_json};

const AFTER_HELP: &str = "\
Examples:
  longshore task retry 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11
  longshore task retry last

The job goes on from its last checkpoint, with its attempts counted anew, in whatever process of the project works.";

/// Run a failed or cancelled job again
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    job: Job,

    /// Print the job's status
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let owner = Owner::local();
    let id = args.job.resolve(service, &owner).await?;
    let status = service.retry(&owner, id).await?;
    if args.json {
        return print_json(&job_json(&status)?);
    }
    print(&format!("Job {id} is queued again; `longshore worker` or any client's server runs it."))
}
