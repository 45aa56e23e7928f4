//! The crash harness: kills real `longshore` processes, or cuts the power of the disk below one, and looks whether anything
//! that was acknowledged is lost, done twice, or other than an undisturbed run makes it.
//!
//! It prints one JSON object. What is drawn (instants, victims, calls, jobs) follows from the seed; what a kill hits also
//! depends on the machine, so one seed is one kind of campaign rather than one run.
//!
//! | key | meaning |
//! |---|---|
//! | `kills`, `kills_at_calls`, `kills_at_KIND` | all kills; those at a named call; those by its kind |
//! | `acknowledged`, `tasks` | handles that a client has; tasks in the store, which are more when an answer was cut off |
//! | `kills_at_deliveries`, `kills_at_MOMENT` | kills by receivers, in the middle of a delivery; those at one of its moments |
//! | `attempts`, `attempts_killed`, `artifacts`, `messages` | how much was done, and how often anew |
//! | `mails`, `webhooks`, `callbacks` | messages that came to a receiver, each counted once |
//! | `redelivered` | copies of them beyond the first, which a delivery "at least once" may make |
//! | `lost`, `duplicated`, `mismatched`, `stray_files` | what must be 0 |
//! | `findings` | the first of them, in words |

mod args;
mod campaign;
mod client;
mod delivery;
mod disk;
mod drain;
mod findings;
mod jobs;
mod kills;
mod ledger;
mod point;
mod power;
mod process;
mod project;
mod reference;
mod slot;
mod snapshot;
mod verify;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::args::Args;
use crate::campaign::Plan;
use crate::project::Tools;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "--help") {
        say(args::USAGE);
        return ExitCode::SUCCESS;
    }
    match Args::parse(words).and_then(|args| run(&args)) {
        Ok((report, is_well)) => {
            let printed = writeln!(std::io::stdout(), "{}", Value::Object(report));
            if printed.is_ok() && is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs what is asked for; the projects are kept when something was found in them.
fn run(args: &Args) -> Result<(Map<String, Value>, bool)> {
    let scratch = Scratch::new(args.keep.as_deref())?;
    let folder = scratch.folder();
    let tools = Tools {
        longshore: args.longshore.clone(),
        shim: args.shim.clone(),
        guests: args.guests.clone(),
        stranger: args.stranger.clone(),
        cache: folder.join("cache"),
    };
    let plan = Plan { seed: args.seed, seconds: args.seconds, processes: args.processes };
    let (mut report, findings) = match &args.power {
        Some(power) => power::run(&plan, power, &tools, &folder)?,
        None => campaign::run(&plan, &tools, &folder)?,
    };
    findings.report(&mut report);
    // Without syncs something has to be found, and nobody will look into it.
    let is_expected = args.power.as_ref().is_some_and(|power| power.forget_syncs);
    if !findings.is_empty() && !is_expected {
        report.insert("kept".into(), scratch.keep().to_string_lossy().into());
    }
    Ok((report, findings.is_empty()))
}

/// Where the projects are.
enum Scratch {
    Temporary(tempfile::TempDir),
    Named(PathBuf),
}

impl Scratch {
    fn new(keep: Option<&Path>) -> Result<Self> {
        let Some(folder) = keep else {
            return Ok(Self::Temporary(tempfile::Builder::new().prefix("longshore-crash-").tempdir()?));
        };
        std::fs::create_dir_all(folder)?;
        Ok(Self::Named(std::fs::canonicalize(folder)?))
    }

    fn folder(&self) -> PathBuf {
        match self {
            Self::Temporary(folder) => folder.path().to_owned(),
            Self::Named(folder) => folder.clone(),
        }
    }

    fn keep(self) -> PathBuf {
        match self {
            Self::Temporary(folder) => folder.keep(),
            Self::Named(folder) => folder,
        }
    }
}

/// Tells people how things go.
fn say(text: &str) {
    // Nobody may be listening any more; the work goes on.
    let _ = writeln!(std::io::stderr(), "{text}");
}
