//! The command line: one file a subcommand, and what they share.
//!
//! Results go to stdout, everything else to stderr. Each command says by its exit code how it went: 0 well, 1 badly,
//! 2 wrong usage, 130 interrupted. With `--json` an error is an object, too, the last line of stderr.

mod backup;
mod bar;
mod call;
mod compile;
mod completions;
mod doctor;
mod errors;
mod id;
mod init;
mod kept;
mod man;
mod outbox;
mod output;
mod pause;
mod plugin;
mod ps;
mod queries;
mod restore;
mod run;
mod schedule;
mod serve;
mod signals;
mod snippet;
mod table;
mod task;
mod text;
mod worker;

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, Parser, Subcommand};

use self::errors::Form;
use self::output::say;
use crate::app::{Host, Role};
use crate::config::{Config, find_project};
use crate::env;
use crate::logging::{self, LogFormat, Waiting};
use crate::{app, file_size, memory, open_files};

const AFTER_HELP: &str = "\
Examples:
  longshore init shop                 make a project with a sample shop
  cd shop
  longshore run bulk_invoice --payload '{\"city\":\"Delhi\",\"month\":\"2026-03\"}'
  longshore task list                 what was done, and how it went
  longshore serve                     what an MCP client starts

Every command works while others run in the same project: they share the work and see the same jobs.";

/// Durable background jobs for AI agents, run from sandboxed plugins
#[derive(Parser)]
#[command(name = "longshore", version, after_help = after_help(), max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,

    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
pub(crate) struct Global {
    /// Project folder, the one with longshore.toml; without it the nearest from here upward
    #[arg(long, short = 'C', global = true, value_name = "DIR", env = env::PROJECT)]
    project: Option<PathBuf>,

    /// Form of the log on stderr
    #[arg(long, global = true, value_enum, value_name = "FORM", env = env::LOG_FORMAT, hide_env = true)]
    #[arg(default_value_t, hide_default_value = true)]
    log_format: LogFormat,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Serve(serve::Args),
    Worker(worker::Args),
    Run(run::Args),
    #[command(subcommand, visible_alias = "job")]
    Task(task::Command),
    #[command(subcommand)]
    Schedule(schedule::Command),
    #[command(subcommand)]
    Outbox(outbox::Command),
    #[command(subcommand)]
    Plugin(plugin::Command),
    Ps(ps::Args),
    Pause(pause::Pause),
    Resume(pause::Resume),
    Doctor(doctor::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(hide = true)]
    CompileComponent(compile::Args),
    #[command(hide = true)]
    ServeQueries(queries::Args),
}

/// The command line as people are to know it, to be described: without what is hidden.
fn command() -> clap::Command {
    let whole = Cli::command();
    let mut shown = clap::Command::new("longshore").version(env!("CARGO_PKG_VERSION"));
    for about in [whole.get_about(), whole.get_long_about()].into_iter().flatten() {
        shown = shown.about(about.clone());
    }
    if let Some(after) = whole.get_after_help() {
        shown = shown.after_help(after.clone());
    }
    shown
        .args(whole.get_arguments().filter(|arg| !arg.is_hide_set()).cloned())
        .subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

/// The help of all commands, with the variables of the environment.
fn after_help() -> String {
    let width = env::ALL.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let variables: Vec<String> =
        env::ALL.iter().map(|(name, purpose)| format!("  {name:width$}  {purpose}")).collect();
    format!("{AFTER_HELP}\n\nEnvironment:\n{}", variables.join("\n"))
}

/// What `main` does: reads the command line, obeys, and says by the exit code how it went.
pub fn main() -> ExitCode {
    memory::give_back_what_is_free();
    open_files::raise_limit();
    app::limit_memory_of_queries();
    logging::settle(LogFormat::asked_by(std::env::args_os(), std::env::var_os(env::LOG_FORMAT)));
    let form = Form::asked_by(std::env::args_os());
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return errors::usage(&error, form),
    };
    let code = obey(&global, command).unwrap_or_else(|error| errors::report(&error, form));
    logging::finish();
    code
}

fn obey(global: &Global, command: Command) -> Result<ExitCode> {
    // Those that serve say what they do; those that a person runs to see something say only what is wrong. What is wrong with
    // plugins is what some of them show, and for the others beside the point: `init` alone has nothing else to say it by.
    let level = match command {
        Command::Serve(_) | Command::Worker(_) => "info,rmcp=warn",
        Command::Init(_) => "warn",
        // Nor do they log the end of a job that they show.
        _ => "warn,longshore_plugin_problems=off,longshore_jobs=off",
    };
    let waiting = match &command {
        Command::Serve(_) => Waiting::Never,
        Command::Worker(args) => args.waiting(),
        _ => Waiting::Allowed,
    };
    logging::start(level, waiting);
    call::note(global.project.as_deref());
    match command {
        Command::Init(args) => init::run(global, &args),
        Command::Serve(args) => block_on(serve::run(global, args)),
        Command::Worker(args) => block_on(worker::run(global, args)),
        Command::Run(args) => block_on(run::run(global, args)),
        Command::Task(command) => block_on(task::run(global, command)),
        Command::Schedule(command) => block_on(schedule::run(global, command)),
        Command::Outbox(command) => block_on(outbox::run(global, command)),
        Command::Plugin(command) => block_on(plugin::run(global, command)),
        Command::Ps(args) => block_on(ps::run(global, &args)),
        Command::Pause(args) => block_on(pause::pause(global, args)),
        Command::Resume(args) => block_on(pause::resume(global, args)),
        Command::Doctor(args) => block_on(doctor::run(global, &args)),
        Command::Backup(args) => block_on(backup::run(global, args)),
        Command::Restore(args) => block_on(restore::run(global, args)),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::CompileComponent(args) => compile::run(&args),
        Command::ServeQueries(args) => queries::run(&args),
    }
}

impl Global {
    /// The configuration of the project.
    fn config(&self) -> Result<Config> {
        let here = std::env::current_dir().context("cannot tell the working directory")?;
        let project = find_project(self.project.as_deref(), &here)?;
        Ok(Config::load(&project)?)
    }
}

/// How long a command starts without a word.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Starts the host for a command that somebody waits for, and says what takes so long when it does.
async fn start(config: &Config, role: Role) -> Result<Host> {
    say_if_long(Host::start(config, role)).await
}

/// Waits for what takes long when plugins are compiled, and says so then.
async fn say_if_long<T>(waiting: impl Future<Output = T>) -> T {
    let mut waiting = pin!(waiting);
    tokio::select! {
        done = &mut waiting => return done,
        () = tokio::time::sleep(SILENCE_MAX) => {
            say("compiling plugins, once for each version; a large one takes half a minute and more");
        }
    }
    waiting.await
}

/// Runs a command that waits for things.
fn block_on(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let done = runtime.block_on(async {
        file_size::survive_its_limit();
        command.await
    });
    // A thread that still reads stdin would otherwise keep the process from ending.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_project_can_be_named_before_and_after_the_command() {
        for words in [["longshore", "-C", "x", "serve"], ["longshore", "serve", "--project", "x"]] {
            let cli = Cli::try_parse_from(words).unwrap();
            assert_eq!(cli.global.project.unwrap(), PathBuf::from("x"));
        }
    }

    #[test]
    fn every_command_explains_itself() {
        for command in Cli::command().get_subcommands_mut() {
            let name = command.get_name().to_owned();
            assert!(command.get_about().is_some() || command.is_hide_set(), "{name} has no description");
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let has_commands = command.has_subcommands();
            assert!(
                examples.contains("longshore") || has_commands || command.is_hide_set(),
                "{name} has no example"
            );
        }
    }
}
