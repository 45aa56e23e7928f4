//! Load generator: how fast a real `longshore serve` answers one MCP client over stdio.
//!
//! `load --longshore PATH --plugins DIR` prints one JSON object. DIR holds a component named `trivial`, a job
//! that does nothing, so that what is measured is the host. Everything happens in temporary folders.
//!
//! | key | meaning |
//! |---|---|
//! | `start_ms` | from spawn to the first answer to `server/discover`, compile cache warm, median |
//! | `idle_rss_mib` | resident memory of a started server with one job type loaded |
//! | `accept_p50_ms`, `accept_p99_ms` | one submission at a time, until the durable handle is here |
//! | `tasks_per_s_1k`, `tasks_per_s_20k` | submit N tasks and see each one completed, end to end, median |
//! | `tasks_per_s_history` | the same with 20,000 tasks, beside 200,000 finished ones |
//! | `fdatasync_us` | what one durable 4 KiB write costs in the same folder, median over the whole run |
//! | `foreign_cpu_percent` | how much of the machine others used meanwhile: over 10, measure again |

mod accept;
mod args;
mod history;
mod start;

use std::process::ExitCode;

use longshore_bench::machine::{Cpu, fdatasync_us};
use longshore_bench::program::{self, say};
use longshore_bench::project::Project;
use longshore_bench::{Result, stats, throughput};
use serde_json::{Value, json};

use self::args::Args;

/// Tasks of the two sizes that are measured, and finished tasks beside them.
const SMALL: usize = 1_000;
const LARGE: usize = 20_000;
const HISTORY: usize = 200_000;

fn main() -> ExitCode {
    program::run(args::USAGE, |words| measure(&Args::parse(words)?))
}

fn measure(args: &Args) -> Result<Value> {
    let cpu = Cpu::now()?;
    let mut syncs = Vec::new();

    say("start and idle memory");
    let quiet = Project::new(&args.longshore, &args.plugins)?;
    let start_ms = start::start_ms(&quiet, args.starts)?;
    let idle_rss_mib = start::idle_rss_mib(&quiet)?;

    say("accept latency");
    syncs.push(fdatasync_us(quiet.folder())?);
    let accept = accept::accept_ms(&quiet, args.accepts)?;

    let old = Project::new(&args.longshore, &args.plugins)?;
    let history_rows = prepare_history(&old, args)?;

    let (mut small, mut large, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=args.runs {
        say(&format!("throughput, round {run} of {}", args.runs));
        // Interleaved, so that a noisy minute hurts all three alike.
        let fresh = Project::new(&args.longshore, &args.plugins)?;
        syncs.push(fdatasync_us(fresh.folder())?);
        small.push(throughput::tasks_per_s(&fresh, args.load, args.scaled(SMALL))?);
        let fresh = Project::new(&args.longshore, &args.plugins)?;
        large.push(throughput::tasks_per_s(&fresh, args.load, args.scaled(LARGE))?);
        if history_rows > 0 {
            history.push(throughput::tasks_per_s(&old, args.load, args.scaled(LARGE))?);
        }
        syncs.push(fdatasync_us(fresh.folder())?);
    }

    Ok(json!({
        "accept_p50_ms": round(stats::percentile(&accept, 50.0), 1000.0),
        "accept_p99_ms": round(stats::percentile(&accept, 99.0), 1000.0),
        "tasks_per_s_1k": round(stats::median(&small), 1.0),
        "tasks_per_s_20k": round(stats::median(&large), 1.0),
        "tasks_per_s_history": (history_rows > 0).then(|| round(stats::median(&history), 1.0)),
        "start_ms": round(start_ms, 10.0),
        "idle_rss_mib": round(idle_rss_mib, 10.0),
        "fdatasync_us": round(stats::median(&syncs), 1.0),
        "foreign_cpu_percent": round(cpu.foreign_percent_since()?, 10.0),
        "history_rows": history_rows,
        "in_flight": args.load.in_flight,
        "confirm": args.load.confirm.name(),
        "runs": args.runs,
        "scale": args.scale,
    }))
}

/// Fills the project's store and returns the number of finished tasks in it; 0 if that was not asked for.
fn prepare_history(project: &Project, args: &Args) -> Result<usize> {
    if !args.history {
        return Ok(0);
    }
    say("filling the history");
    // The server makes the schema, and a first finished task shows what a row looks like.
    throughput::tasks_per_s(project, args.load, 1)?;
    history::fill_history(&project.database(), args.scaled(HISTORY))?;
    Ok(args.scaled(HISTORY))
}

fn round(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
