//! `longshore plugin`: looks at plugins.

mod inspect;
mod list;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Global;

/// See the project's plugins, and what keeps one from being offered
#[derive(Subcommand)]
pub(super) enum Command {
    List(list::Args),
    Inspect(inspect::Args),
}

pub(super) async fn run(global: &Global, command: Command) -> Result<ExitCode> {
    let config = global.config()?;
    match command {
        Command::List(args) => list::run(&config, &args).await?,
        Command::Inspect(args) => inspect::run(&config, &args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
