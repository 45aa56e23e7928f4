//! `longshore worker`: works on the project's jobs until it is told to end.

use std::process::ExitCode;

use anyhow::Result;

use super::Global;
use super::output::say;
use super::signals::Signals;
use crate::app::{self, DRAIN, Host, Role, Shutdown, Stay};
use crate::config::Config;
use crate::logging::Waiting;

const AFTER_HELP: &str = "\
Examples:
  longshore worker                    here, as many at once as longshore.toml says
  longshore worker --concurrency 4

Ends on Ctrl-C, SIGTERM or SIGHUP: takes nothing new, tells running jobs to stop, and gives them back, to be resumed by another
process from their checkpoints. A second Ctrl-C ends at once; nothing is lost then, either.";

/// What a worker that stays behind writes to its log file.
const LOG_BYTES_MAX: u64 = 8 << 20;

/// Work on the project's jobs, without serving a client
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Jobs that run at once, in place of what longshore.toml says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrency: Option<u32>,

    /// End when no job is left, as the worker that a process leaves behind does
    #[arg(long = app::STAY_BEHIND, hide = true)]
    stay_behind: bool,
}

impl Args {
    /// Who waits when nobody reads the log. That of a worker that stays behind is a file.
    pub(super) const fn waiting(&self) -> Waiting {
        if self.stay_behind { Waiting::NeverUpTo(LOG_BYTES_MAX) } else { Waiting::Never }
    }
}

pub(super) async fn run(global: &Global, args: Args) -> Result<ExitCode> {
    let mut config = global.config()?;
    if args.stay_behind {
        return stay_behind(&config).await;
    }
    if let Some(concurrency) = args.concurrency {
        config.worker.concurrency = concurrency;
    }
    let mut signals = Signals::listen()?;
    let host = Host::start(&config, Role::Worker).await?;
    say(&format!("Working on the jobs of {}. Ctrl-C ends.", config.project.display()));
    signals.next().await;
    say("Ending; Ctrl-C again ends at once.");
    tokio::select! {
        () = host.shutdown(Shutdown::Grace(DRAIN)) => Ok(ExitCode::SUCCESS),
        // Dropping the shutdown is safe: leases of what still runs expire.
        () = signals.again() => Ok(ExitCode::from(130)),
    }
}

/// Works until nothing is left to do, or the process is asked to end. Nobody sees what it prints, so it logs.
async fn stay_behind(config: &Config) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let Some(stay) = Stay::begin(config)? else {
        tracing::info!("another worker stays behind");
        return Ok(ExitCode::SUCCESS);
    };
    let host = Host::start(config, Role::Behind).await?;
    let service = host.service();
    tracing::info!(project = %config.project.display(), "stays behind until no job is left");
    let why = tokio::select! {
        why = stay.end(&service) => why,
        _ = signals.next() => "it was asked to",
    };
    tracing::info!("ends: {why}");
    tokio::select! {
        () = host.shutdown(Shutdown::Grace(DRAIN)) => Ok(ExitCode::SUCCESS),
        () = signals.again() => Ok(ExitCode::from(130)),
    }
}
