//! `longshore task`: looks at jobs and changes their course.

mod cancel;
mod filter;
mod list;
mod log;
mod many;
mod retry;
pub(super) mod show;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use longshore_domain::{Owner, TaskId};
use longshore_scheduler::TaskService;

use self::filter::Filter;
use super::Global;
use super::errors::Usage;
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

/// One job by its id, or all that the options choose.
#[derive(clap::Args)]
struct Jobs {
    /// Id of the job, its first digits (at least 4), or `last` for the newest job
    #[arg(value_name = "JOB_ID")]
    id: Option<IdArg>,

    #[command(flatten)]
    filter: Filter,

    /// Do it without asking
    #[arg(long, conflicts_with = "id")]
    yes: bool,
}

impl Jobs {
    /// The id of the one job that is meant; none if the options choose.
    async fn one(&self, service: &TaskService, owner: &Owner) -> Result<Option<TaskId>> {
        let Some(id) = &self.id else { return Ok(None) };
        if self.filter.is_empty() {
            return id::job(service, owner, id).await.map(Some);
        }
        Err(Usage {
            message: "a job is named by its id, and others are chosen by options: not both".into(),
            hint: "leave out the id or the options".into(),
        }
        .into())
    }
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
