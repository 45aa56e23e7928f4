//! What durability costs: the same tasks with every sync, and with none.

use std::path::Path;
use std::process::{Command, Stdio};

use longshore_bench::machine::{Cpu, fdatasync_us};
use longshore_bench::program::say;
use longshore_bench::project::Project;
use longshore_bench::throughput::{Load, tasks_per_s};
use longshore_bench::{Result, stats};
use serde_json::{Map, Value};

use crate::args::Args;
use crate::round;

/// Adds the figures of tasks over MCP.
pub(crate) fn measure(args: &Args, report: &mut Map<String, Value>) -> Result<()> {
    let cpu = Cpu::now()?;
    let (mut full, mut off, mut ratios, mut syncs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 1..=args.runs {
        say(&format!("throughput, round {run} of {}", args.runs));
        let durable = Project::new(&args.longshore, &args.plugins)?;
        let careless = Project::new(&args.longshore, &args.plugins)?.preloading(&args.no_sync);
        syncs.push(fdatasync_us(durable.folder())?);
        // Which one is first changes, so that neither always finds the machine as the other left it.
        let [with, without] = if run % 2 == 0 {
            let with = tasks_per_s(&durable, Load::default(), args.tasks)?;
            [with, tasks_per_s(&careless, Load::default(), args.tasks)?]
        } else {
            let without = tasks_per_s(&careless, Load::default(), args.tasks)?;
            [tasks_per_s(&durable, Load::default(), args.tasks)?, without]
        };
        full.push(with);
        off.push(without);
        ratios.push(with / without);
    }
    if !ratios.is_empty() {
        report.insert("full_over_off".into(), round(stats::median(&ratios), 1e3));
        report.insert("tasks_per_s_full".into(), round(stats::median(&full), 1.0));
        report.insert("tasks_per_s_off".into(), round(stats::median(&off), 1.0));
        report.insert("fdatasync_us".into(), round(stats::median(&syncs), 1.0));
        report.insert("foreign_cpu_percent".into(), round(cpu.foreign_percent_since()?, 10.0));
    }
    Ok(())
}

/// Runs the program that measures the store, and gives its figures.
pub(crate) fn of_the_store(program: &Path, arguments: &[String]) -> Result<Map<String, Value>> {
    say("the store by itself");
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} failed ({})", program.display(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
