//! The gallery of misbehaving guests: runs each beside ten good tasks, and looks how it ends, whether the good tasks are as
//! fast as without it, and whether the host's memory returns to where it was.
//!
//! It prints one JSON object a line, for each guest one, and fails where one of them is not as it should be.
//!
//! | key | meaning |
//! |---|---|
//! | `guest` | its name, which says what it does |
//! | `code`, `expected` | the code of its failure, and what that should be. `completed` and `cancelled` where there is no failure; that of the loader where it is not served |
//! | `neighbours_ratio` | how long ten good tasks take beside it, of the time that they take without: the median of rounds in which both are done |
//! | `rss_delta_mib` | resident memory of the host after its last run, less that before its first, both at rest |
//! | `ok`, `faults` | whether all is well, and what is not |
//! | `runs` | how often it ran, or was refused |
//! | `alone_ms`, `beside_ms` | both times, each the median of all rounds |
//! | `rss_peak_mib` | the most memory meanwhile, over that before |
//! | `cpu_after_percent` | how much of a processor the host used when nothing was left to do |
//! | `foreign_cpu_percent` | how much of the machine others used meanwhile |

mod alone;
mod args;
mod components;
mod desk;
mod guests;
mod intruder;
mod neighbours;
mod project;
mod report;
mod rest;
mod together;

use std::io::Write as _;
use std::process::ExitCode;

use longshore_bench::Result;
use longshore_bench::program::say;
use serde_json::Value;

use crate::args::Args;
use crate::project::Ground;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "--help") {
        say(args::USAGE);
        return ExitCode::SUCCESS;
    }
    match Args::parse(words).and_then(|args| run(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the guests, and says whether all is well.
fn run(args: &Args) -> Result<bool> {
    let scratch = tempfile::Builder::new().prefix("longshore-gallery-").tempdir()?;
    let ground = Ground {
        longshore: &args.longshore,
        components: scratch.path().join("components"),
        cache: scratch.path().join("cache"),
    };
    components::collect(&args.components, &args.texts, &ground.components)?;
    if args.codes_only {
        let rows = together::run(&args.guests, &ground)?;
        return rows.iter().try_fold(true, |all, row| Ok(print(row)? && all));
    }
    let mut all_well = true;
    for guest in &args.guests {
        match alone::run(guest, &ground, args.rounds) {
            Ok(row) => all_well &= print(&row)?,
            // A host that does not answer, or is gone, is a finding about this guest. The others have a host of their own.
            Err(error) => all_well &= print(&report::broken(guest, &error.to_string()))?,
        }
    }
    Ok(all_well)
}

/// Prints what is said of a guest, and says whether it is well.
fn print(row: &Value) -> Result<bool> {
    writeln!(std::io::stdout(), "{row}")?;
    Ok(row["ok"] == true)
}
