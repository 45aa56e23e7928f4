//! `longshore task retry`

use anyhow::Result;
use longshore_domain::Owner;
use longshore_scheduler::TaskService;

use super::Jobs;
use super::many::{self, Deed, Manner};
use crate::cli::kept::job_json;
use crate::cli::output::{print, print_json};

const AFTER_HELP: &str = "\
Examples:
  longshore task retry 5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11
  longshore task retry last
  longshore task retry --code worker_lost --since 2h --yes

Without an id, every failed job that the options choose (cancelled ones with --status cancelled); how many they are is shown
and has to be confirmed, or --yes given. A job goes on from its last checkpoint, with its attempts counted anew, in whatever process of the project works.";

/// Run failed or cancelled jobs again: one, or all that the options choose
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
        return many::run(service, &args.jobs.filter, Deed::Retry, manner).await;
    };
    let status = service.retry(&owner, id).await?;
    if args.json {
        return print_json(&job_json(&status)?);
    }
    print(&format!("Job {id} is queued again; `longshore worker` or any client's server runs it."))
}
