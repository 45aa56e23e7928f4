//! `cargo xtask`: prepares the machine, shows a demo, tests, measures, attacks.

mod bench;
mod crash;
mod demo;
mod gallery;
mod output;
mod setup;
mod shell;
mod supply_chain;
mod templates;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Work on Longshore: prepare this machine, see a demo, test, measure, kill.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Args),
    Demo(demo::Args),
    Test(test::Args),
    Bench(bench::Args),
    Crash(crash::Args),
    Gallery(gallery::Args),
    SupplyChain(supply_chain::Args),
    Templates(templates::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup(args) => setup::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Crash(args) => crash::run(&args),
        Command::Gallery(args) => gallery::run(&args),
        Command::SupplyChain(args) => supply_chain::run(&args),
        Command::Templates(args) => templates::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
