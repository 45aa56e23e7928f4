//! `cargo xtask bench steady`: as many jobs at all times for ten minutes, each with 10 to 15 seconds of simulated latency,
//! as jobs have that wait for other services. Every job rests in ten steps, and saves after each.
//!
//! | key | meaning |
//! |---|---|
//! | `minutes` | how long jobs were submitted |
//! | `errors` | jobs that were refused, failed, needed a second attempt, gave a wrong result, or were never seen completed |
//! | `completed`, `tasks_per_s` | jobs that ended well, and how many a second |
//! | `rss_start_mib`, `rss_end_mib` | resident memory of the server after the warm-up and in the end: medians of a tenth of the time |
//! | `rss_max_mib` | the most that was seen |
//! | `late_p50_ms`, `late_p99_ms` | how much longer than its latency a job took, from its submission until the client knew |
//! | `warnings` | lines of the server's log that warn or worse |
//! | `foreign_cpu_percent` | how much of the machine others used meanwhile |

mod args;
mod load;
mod memory;

use std::process::ExitCode;

use longshore_bench::Result;
use longshore_bench::client::Client;
use longshore_bench::counter;
use longshore_bench::machine::Cpu;
use longshore_bench::program::{self, say};
use longshore_bench::project::Project;
use longshore_bench::stats;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use self::args::Args;
use self::load::Run;
use self::memory::Memory;

fn main() -> ExitCode {
    program::run(args::USAGE, |words| measure(&Args::parse(words)?))
}

fn measure(args: &Args) -> Result<Value> {
    let cpu = Cpu::now()?;
    let concurrency = format!("concurrency = {}", args.in_flight);
    let project = Project::with_worker(&args.longshore, &args.plugins, &concurrency)?;
    let mut client = Client::start(&project, true)?;
    client.wait_until_loaded(counter::NAME)?;

    let mut memory = Memory::new(args.duration());
    let run = Run::new(args.in_flight).go_on_for(&mut client, args.duration(), &mut memory)?;
    client.stop()?;

    let unlike = unlike_the_store(&project, run.submitted)?;
    for fault in run.faults.iter().chain(&unlike).take(10) {
        say(fault);
    }
    let log = std::fs::read_to_string(project.folder().join("serve.log")).unwrap_or_default();
    let warnings: Vec<&str> =
        log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    for warning in warnings.iter().take(10) {
        say(warning);
    }
    Ok(json!({
        "minutes": args.minutes,
        "errors": run.faults.len() + unlike.len(),
        "rss_start_mib": round(memory.at_start(), 10.0),
        "rss_end_mib": round(memory.at_end(), 10.0),
        "rss_max_mib": round(memory.most(), 10.0),
        "in_flight": args.in_flight,
        "submitted": run.submitted,
        "completed": run.completed,
        "tasks_per_s": round(run.completed as f64 / run.seconds, 1000.0),
        "late_p50_ms": round(stats::percentile(&run.late_ms, 50.0), 1.0),
        "late_p99_ms": round(stats::percentile(&run.late_ms, 99.0), 1.0),
        "warnings": warnings.len(),
        "foreign_cpu_percent": round(cpu.foreign_percent_since()?, 10.0),
    }))
}

/// What the store says against the client: each job must be there, completed by its first attempt, and nothing else.
fn unlike_the_store(project: &Project, submitted: usize) -> Result<Vec<String>> {
    let database = Connection::open_with_flags(project.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
    let expected = submitted as i64;
    let mut faults = Vec::new();
    for (what, sql) in [
        ("tasks", "SELECT count(*) FROM tasks"),
        ("completed tasks", "SELECT count(*) FROM finished WHERE state = 'completed'"),
        ("attempts", "SELECT count(*) FROM attempts"),
    ] {
        let found = count(sql)?;
        if found != expected {
            faults.push(format!("the store has {found} {what}, not {expected}"));
        }
    }
    Ok(faults)
}

fn round(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
