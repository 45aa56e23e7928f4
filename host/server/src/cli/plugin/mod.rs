//! `longshore plugin`: looks at plugins, and begins new ones.

mod inspect;
mod list;
mod new;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Global;

/// See the project's plugins and why any is not available, or write a new one
#[derive(Subcommand)]
pub(super) enum Command {
    List(list::Args),
    Inspect(inspect::Args),
    New(new::Args),
}

pub(super) async fn run(global: &Global, command: Command) -> Result<ExitCode> {
    match command {
        Command::List(args) => list::run(&global.config()?, &args).await?,
        Command::Inspect(args) => inspect::run(&global.config()?, &args).await?,
        // Needs no project: its author may have none.
        Command::New(args) => new::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
