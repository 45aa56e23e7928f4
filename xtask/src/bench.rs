//! `cargo xtask bench NAME`: measures, and gives one JSON object.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use crate::output::{print, say};
use crate::{demo, setup, shell};

/// Measure, on an optimised build; figures compare only within one run on one machine.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure
    #[arg(value_enum)]
    name: Name,

    /// Print one JSON object and nothing else on stdout
    #[arg(long)]
    json: bool,

    /// Arguments of the benchmark itself; `-- --help` lists them
    #[arg(last = true, value_name = "ARGUMENT")]
    more: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    /// Tasks over MCP: accept latency, tasks per second, start time, idle memory
    Mcp,
    /// A table of a million rows to CSV, against native Rust and Python
    Export,
    /// Claiming a task with and without a million finished ones beside
    Claim,
    /// How soon work goes on after a kill, what durability costs, and what a million waiting and a million finished tasks do
    Durability,
    /// What the sandbox costs: an attempt's start, computing, calls of the host, a thousand attempts at once
    Sandbox,
    /// Ten minutes of fifty jobs at all times: errors and memory; `-- --minutes 1` for a quick look
    Steady,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut bench = match args.name {
        Name::Mcp => mcp(scratch.path())?,
        Name::Export => export()?,
        Name::Claim => Command::new(build("longshore-store", "--example", "bench_claim")?),
        Name::Sandbox => Command::new(sandbox()?),
        Name::Durability => durability(scratch.path())?,
        Name::Steady => steady(scratch.path())?,
    };
    bench.args(&args.more);
    say(&format!("bench: running {}", shell::shown(&bench)));
    let printed = shell::read(&mut bench)?;
    let report =
        last_object(&printed).with_context(|| format!("the benchmark gave no JSON object: {printed}"))?;
    print(&if args.json { Value::Object(report).to_string() } else { table(&report) })?;
    Ok(())
}

/// The load generator against a real `longshore serve`, with the job that does nothing.
fn mcp(scratch: &Path) -> Result<Command> {
    on_guests("bench-mcp", &["trivial"], scratch)
}

/// Kills and throughput from outside, and the store by itself.
fn durability(scratch: &Path) -> Result<Command> {
    let mut bench = on_guests("bench-durability", &["counter", "trivial"], scratch)?;
    shell::run(shell::cargo("").args(["build", "--release", "--locked", "--package", "longshore-no-sync"]))?;
    // Both are of one target folder, wherever that is.
    let no_sync = Path::new(bench.get_program()).with_file_name("liblongshore_no_sync.so");
    bench.arg("--no-sync").arg(no_sync);
    bench.arg("--store").arg(build("longshore-scheduler", "--example", "bench_durability")?);
    Ok(bench)
}

fn steady(scratch: &Path) -> Result<Command> {
    on_guests("bench-steady", &["counter"], scratch)
}

/// A benchmark of a real `longshore serve` whose plugins are these test guests.
fn on_guests(program: &str, names: &[&str], scratch: &Path) -> Result<Command> {
    let longshore = demo::build_host()?;
    let guests = longshore_guest_build::build(&shell::root().join("tests/guests"), &setup::ensure()?)?;
    for name in names {
        let guest = guests
            .iter()
            .find(|guest| guest.name == *name)
            .with_context(|| format!("there is no guest `{name}`"))?;
        std::fs::copy(&guest.component, scratch.join(format!("{name}.wasm")))?;
    }
    let mut bench = Command::new(build("longshore-bench", "--bin", program)?);
    bench.arg("--longshore").arg(longshore).arg("--plugins").arg(scratch);
    Ok(bench)
}

fn export() -> Result<Command> {
    let longshore = demo::build_host()?;
    let native = build("longshore-bench", "--bin", "export-native")?;
    let mut bench = Command::new(build("longshore-bench", "--bin", "bench-export")?);
    bench.arg("--longshore").arg(longshore).arg("--native").arg(native);
    bench.arg("--python").arg(shell::root().join("tests/bench/baselines/export.py"));
    Ok(bench)
}

/// Together with the host, whose features decide with which wasmtime is compiled: by itself it would be compiled anew.
fn sandbox() -> Result<PathBuf> {
    build_of(&["longshore", "longshore-sandbox"], "--example", "bench_sandbox")
}

/// Builds one program, optimised, and says where it is.
fn build(package: &str, kind: &str, name: &str) -> Result<PathBuf> {
    build_of(&[package], kind, name)
}

fn build_of(packages: &[&str], kind: &str, name: &str) -> Result<PathBuf> {
    setup::ensure()?;
    say(&format!("bench: building {name}"));
    let mut cargo = shell::cargo("");
    cargo.args(["build", "--release", "--locked", kind, name]);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    demo::executable(&mut cargo)
}

/// The last line that is a JSON object: a benchmark may say more before it.
fn last_object(printed: &str) -> Option<Map<String, Value>> {
    printed.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

fn table(report: &Map<String, Value>) -> String {
    let width = report.keys().map(String::len).max().unwrap_or_default();
    let lines: Vec<String> = report.iter().map(|(key, value)| format!("{key:width$}  {value}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_object_counts() {
        let report = last_object("warming up\n{\"ratio\": 1}\n{\"ratio\": 1.25, \"runs\": 3}\n\n").unwrap();
        assert_eq!(table(&report), "ratio  1.25\nruns   3");
        assert!(last_object("nothing").is_none());
    }
}
