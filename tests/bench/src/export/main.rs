//! `cargo xtask bench export`: a million rows to CSV by the sandboxed, checkpointed job, against a plain native program
//! and a Python one that do the same.
//!
//! Prints one JSON object: `longshore_s`, `native_s`, `python_s` (medians of interleaved rounds), `peak_mib_100k` and
//! `peak_mib_1m` (resident memory of the whole host process), and the two ratios.

mod arguments;
mod measure;
mod table;

use std::io::Write as _;

use anyhow::{Context, Result};
use serde_json::json;

use crate::arguments::Arguments;
use crate::measure::{Project, baseline, median};

fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("bench.db");
    table::write(&source, "rows_1m", 1_000_000)?;
    table::write(&source, "rows_100k", 100_000)?;
    let project = Project::create(&arguments.longshore, folder.path(), &source)?;
    let out = folder.path().join("out.csv");

    let small = project.export("rows_100k")?;
    let (mut longshore, mut native, mut python, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..arguments.rounds {
        let large = project.export("rows_1m")?;
        anyhow::ensure!(large.rows == 1_000_000, "the job wrote {} rows", large.rows);
        longshore.push(large.seconds);
        peak = peak.max(large.peak_mib);
        native.push(baseline(&arguments.native, &[], &source, "rows_1m", &out)?);
        let native_bytes = std::fs::metadata(&out).context("the native program wrote nothing")?.len();
        anyhow::ensure!(
            large.bytes == native_bytes,
            "the job wrote {} bytes, not {native_bytes}",
            large.bytes
        );
        python.push(baseline(
            "python3".as_ref(),
            std::slice::from_ref(&arguments.python),
            &source,
            "rows_1m",
            &out,
        )?);
    }
    let (longshore, native, python) = (median(longshore), median(native), median(python));
    let report = json!({
        "longshore_s": longshore,
        "native_s": native,
        "python_s": python,
        "peak_mib_100k": small.peak_mib,
        "peak_mib_1m": peak,
        "over_native": longshore / native,
        "over_python": longshore / python,
        "rounds": arguments.rounds,
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}
