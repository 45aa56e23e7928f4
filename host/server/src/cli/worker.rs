//! `longshore worker`: works on the project's jobs until it is told to end.

use std::process::ExitCode;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Global;
use super::output::say;
use crate::app::{DRAIN, Host, Role, Shutdown};

const AFTER_HELP: &str = "\
Examples:
  longshore worker                    here, as many at once as longshore.toml says
  longshore worker --concurrency 4

Ends on Ctrl-C or SIGTERM: takes nothing new, tells running jobs to stop, and gives them back, to be resumed by another
process from their checkpoints. A second Ctrl-C ends at once; nothing is lost then, either.";

/// Work on the project's jobs, without serving a client
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Jobs that run at once, in place of what longshore.toml says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrency: Option<u32>,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<ExitCode> {
    let mut config = global.config()?;
    if let Some(concurrency) = args.concurrency {
        config.worker.concurrency = concurrency;
    }
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let host = Host::start(&config, Role::Worker).await?;
    say(&format!("Working on the jobs of {}. Ctrl-C ends.", config.project.display()));
    either(&mut interrupted, &mut terminated).await;
    say("Ending; Ctrl-C again ends at once.");
    tokio::select! {
        () = host.shutdown(Shutdown::Grace(DRAIN)) => Ok(ExitCode::SUCCESS),
        // Dropping the shutdown is safe: leases of what still runs expire.
        () = either(&mut interrupted, &mut terminated) => Ok(ExitCode::from(130)),
    }
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
