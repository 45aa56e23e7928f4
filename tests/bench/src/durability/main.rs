//! `cargo xtask bench durability`: how soon work goes on after a kill, and what it costs that nothing is lost.
//!
//! | key | meaning |
//! |---|---|
//! | `recovery_s` | from SIGKILL of the process that runs ten jobs until all of them go on in another one that is alive, with the default lease: the worst of the kills |
//! | `recovery_1s_lease_s` | the same with a lease of one second |
//! | `restart_recovery_s` | the same where nobody else is alive and another one starts after the kill |
//! | `mail_recovery_s` | from SIGKILL of the process that sends a message until another one, alive or just started, sends it |
//! | `full_over_off` | tasks per second over MCP, as it is over what it would be if no sync cost anything, median of the rounds |
//! | `tasks_per_s_full`, `tasks_per_s_off` | both, medians |
//! | `fdatasync_us`, `foreign_cpu_percent` | what the machine gave meanwhile; over 10 per cent, measure again |
//! | all others | see `host/scheduler/examples/bench_durability`, which measures the store by itself |

mod args;
mod cost;
mod mail;
mod recovery;

use std::process::ExitCode;

use longshore_bench::{Result, program, stats};
use serde_json::{Map, Value, json};

use self::args::Args;

fn main() -> ExitCode {
    program::run(args::USAGE, |words| measure(&Args::parse(words)?))
}

fn measure(args: &Args) -> Result<Value> {
    let mut report = Map::new();
    let (by_default, with_1_s) = if args.kills == 0 {
        (Vec::new(), Vec::new())
    } else {
        (recovery::seconds(args, None, args.kills)?, recovery::seconds(args, Some(1_000), 2 * args.kills)?)
    };
    let restart = recovery::of_restarts(args, args.kills)?;
    let mail = mail::seconds(args, args.kills)?;
    for (name, seconds) in [
        ("recovery", by_default),
        ("recovery_1s_lease", with_1_s),
        ("restart_recovery", restart),
        ("mail_recovery", mail),
    ] {
        if !seconds.is_empty() {
            report.insert(format!("{name}_s"), round(stats::percentile(&seconds, 100.0), 1e3));
            report.insert(format!("{name}_median_s"), round(stats::median(&seconds), 1e3));
        }
    }
    cost::measure(args, &mut report)?;
    if let Some(store) = &args.store {
        report.extend(cost::of_the_store(store, &args.store_arguments)?);
    }
    report.insert("kills".into(), json!(args.kills));
    report.insert("runs".into(), json!(args.runs));
    Ok(Value::Object(report))
}

pub(crate) fn round(number: f64, parts: f64) -> Value {
    json!((number * parts).round() / parts)
}
