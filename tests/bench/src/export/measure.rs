//! Runs the programs and takes their time and memory.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A project whose only source is the benchmark's database.
pub(crate) struct Project {
    longshore: PathBuf,
    folder: PathBuf,
}

/// One export by the job.
pub(crate) struct Export {
    /// From the start of the process to its end, the start of the host included.
    pub(crate) seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Project {
    pub(crate) fn create(longshore: &Path, folder: &Path, source: &Path) -> Result<Self> {
        let project = Self { longshore: longshore.to_owned(), folder: folder.join("project") };
        fs::create_dir_all(&project.folder)?;
        let status = Command::new(longshore)
            .args(["init", "."])
            .current_dir(&project.folder)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "longshore init failed");
        fs::copy(source, project.folder.join("shop.db"))?;
        Ok(project)
    }

    /// Exports a table to CSV in a process of its own. The compile cache is warm from the second time on.
    pub(crate) fn export(&self, table: &str) -> Result<Export> {
        let payload = serde_json::json!({ "table": table, "format": "csv" }).to_string();
        let begin = Instant::now();
        let mut child = Command::new(&self.longshore)
            .args(["run", "export", "--payload", &payload, "--json"])
            .current_dir(&self.folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut peak_kib = 0;
        while child.try_wait()?.is_none() {
            peak_kib = peak_kib.max(high_water_mark(child.id()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(5));
        }
        let seconds = begin.elapsed().as_secs_f64();
        let mut text = String::new();
        child.stdout.take().context("no output")?.read_to_string(&mut text)?;
        let status: Value =
            serde_json::from_str(&text).with_context(|| format!("longshore run printed {text}"))?;
        ensure!(status["status"] == "completed", "the export did not complete: {status}");
        Ok(Export {
            seconds,
            peak_mib: peak_kib as f64 / 1_024.0,
            rows: status["records_processed"].as_u64().context("no records_processed")?,
            bytes: status["artifacts"][0]["bytes"].as_u64().context("no artifact")?,
        })
    }
}

/// Peak resident memory of a process in KiB.
fn high_water_mark(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

/// Seconds that a baseline took, its start included.
pub(crate) fn baseline(
    program: &Path,
    before: &[PathBuf],
    db: &Path,
    table: &str,
    out: &Path,
) -> Result<f64> {
    let begin = Instant::now();
    let output = Command::new(program).args(before).arg(db).arg(table).arg(out).output()?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    Ok(seconds)
}

/// The middle of the values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
