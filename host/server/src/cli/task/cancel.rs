//! `longshore task cancel`

use anyhow::Result;
use longshore_domain::{CancelAnswer, Owner};
use longshore_scheduler::TaskService;

use super::Jobs;
use super::many::{self, Deed, Manner};
use crate::cli::kept::job_json;
use crate::cli::output::{print, print_json};

const AFTER_HELP: &str = "\
Examples:
  longshore task cancel 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11
  longshore task cancel 5f0e9a2c
  longshore task cancel last
  longshore task cancel --job-type export --status queued --yes

Without an id, every job that the options choose and that has not ended; how many they are is shown and has to be confirmed,
or --yes given. A job that waits ends at once. One that runs is told, and is interrupted after its grace period.";

/// Cancel a job, or all that the options choose
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    jobs: Jobs,

    /// Print the job's status, or the counts
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(service: &TaskService, args: Args) -> Result<()> {
    let owner = Owner::local();
    let Some(id) = args.jobs.one(service, &owner).await? else {
        let manner = Manner { yes: args.jobs.yes, json: args.json };
        return many::run(service, &args.jobs.filter, Deed::Cancel, manner).await;
    };
    let answer = service.cancel(&owner, id).await?;
    if args.json {
        return print_json(&job_json(&service.status(&owner, id).await?)?);
    }
    print(&match answer {
        CancelAnswer::Requested => format!("Job {id} runs and has been told to stop."),
        CancelAnswer::AlreadyTerminal(state) => {
            format!("Job {id} had ended before: it is {}.", state.as_str())
        }
        CancelAnswer::Cancelled | CancelAnswer::NotFound => format!("Job {id} is cancelled."),
    })
}
