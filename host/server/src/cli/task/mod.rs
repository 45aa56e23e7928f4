//! `longshore task`: looks at jobs and changes their course.

mod cancel;
mod list;
mod log;
mod retry;
pub(super) mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use longshore_domain::{Owner, TaskId};
use longshore_scheduler::TaskService;

use super::Global;
use super::id::{self, IdArg};
use crate::app::{Host, Role, Shutdown};

/// See the project's jobs, stop them, run them again
#[derive(Subcommand)]
pub(super) enum Command {
    List(list::Args),
    Show(show::Args),
    Log(log::Args),
    Cancel(cancel::Args),
    Retry(retry::Args),
}

pub(super) async fn run(global: &Global, command: Command) -> Result<ExitCode> {
    let config = global.config()?;
    let mut host = Host::start(&config, Role::Tasks).await?;
    let service = host.service();
    let makes_work = matches!(command, Command::Retry(_));
    let done = match command {
        Command::List(args) => list::run(&service, args).await,
        Command::Show(args) => show::run(&service, args).await,
        Command::Log(args) => log::run(&service, args).await,
        Command::Cancel(args) => cancel::run(&service, args).await,
        Command::Retry(args) => retry::run(&service, args).await,
    };
    if makes_work && done.is_ok() {
        host.leave_a_worker(&config).await;
    }
    host.shutdown(Shutdown::Now).await;
    done.map(|()| ExitCode::SUCCESS)
}

/// The id of a job, as every command that concerns one takes it.
#[derive(clap::Args)]
struct Job {
    /// Id of the job, its first digits (at least 4), or `last` for the newest job
    #[arg(value_name = "JOB_ID")]
    id: IdArg,
}

impl Job {
    /// The id of the job that is meant.
    async fn resolve(&self, service: &TaskService, owner: &Owner) -> Result<TaskId> {
        id::job(service, owner, &self.id).await
    }
}
