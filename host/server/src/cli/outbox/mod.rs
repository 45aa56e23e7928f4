//! `longshore outbox`: looks at messages, and sends those again that were given up.

mod list;
mod retry;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Global;
use crate::app::{Host, Role, Shutdown};

/// See the messages that jobs sent, and send dead ones again
#[derive(Subcommand)]
pub(super) enum Command {
    List(list::Args),
    Retry(retry::Args),
}

pub(super) async fn run(global: &Global, command: Command) -> Result<ExitCode> {
    let host = Host::start(&global.config()?, Role::Tasks).await?;
    let service = host.service();
    let done = match command {
        Command::List(args) => list::run(&service, args).await,
        Command::Retry(args) => retry::run(&service, args).await,
    };
    host.shutdown(Shutdown::Now).await;
    done.map(|()| ExitCode::SUCCESS)
}
