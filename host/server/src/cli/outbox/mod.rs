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
    let config = global.config()?;
    let mut host = Host::start(&config, Role::Tasks).await?;
    let service = host.service();
    let makes_work = matches!(command, Command::Retry(_));
    let done = match command {
        Command::List(args) => list::run(&service, args).await,
        Command::Retry(args) => retry::run(&service, args).await,
    };
    if makes_work && done.is_ok() {
        host.leave_a_worker(&config).await;
    }
    host.shutdown(Shutdown::Now).await;
    done.map(|()| ExitCode::SUCCESS)
}
