//! `longshore schedule`: looks at what comes again, and ends it.

mod delete;
mod list;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Global;
use crate::app::{Host, Role, Shutdown};

/// See the jobs that come again, and delete those that agents made
#[derive(Subcommand)]
pub(super) enum Command {
    List(list::Args),
    Delete(delete::Args),
}

pub(super) async fn run(global: &Global, command: Command) -> Result<ExitCode> {
    let host = Host::start(&global.config()?, Role::Tasks).await?;
    let service = host.service();
    let done = match command {
        Command::List(args) => list::run(&service, args).await,
        Command::Delete(args) => delete::run(&service, args).await,
    };
    host.shutdown(Shutdown::Now).await;
    done.map(|()| ExitCode::SUCCESS)
}
