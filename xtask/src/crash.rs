//! `cargo xtask crash`: kills the product or cuts its power, and gives one JSON object.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use crate::output::{print, say};
use crate::{demo, setup, shell};

/// Test guests that the campaign submits beside the plugins of the product.
const GUESTS: [&str; 2] = ["counter", "steps"];

/// Kill real processes at random instants and calls, and look whether anything was lost, done twice or left over.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long processes are killed; with --power-loss, how long one is recorded
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u64,

    /// Instants, victims, calls and jobs are drawn from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Processes at once; drawn from the seed without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    processes: Option<u8>,

    #[command(flatten)]
    outage: Outage,

    /// The program to kill; without it the release build of this source
    #[arg(long, value_name = "PATH")]
    longshore: Option<PathBuf>,

    /// A job type to kill beside ours: half of all jobs are its. It is granted the sample shop and every channel
    #[arg(long, value_name = "PATH")]
    component: Option<PathBuf>,

    /// With what the component's job is called, a JSON object
    #[arg(long, value_name = "JSON", requires = "component")]
    arguments: Option<String>,

    /// Build the harness without optimisation: quicker where only a short campaign follows
    #[arg(long)]
    dev: bool,

    /// Make the projects there, and leave them
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// Print one JSON object and nothing else on stdout
    #[arg(long)]
    json: bool,
}

/// What the power loss is like.
#[derive(clap::Args)]
struct Outage {
    /// Cut the power of the disk instead: what was not synced is dropped, kept or torn
    #[arg(long)]
    power_loss: bool,

    /// Moments at which the power goes
    #[arg(long, value_name = "N", requires = "power_loss")]
    cuts: Option<usize>,

    /// Names of files reach the disk in their order, as on ext4 and XFS; otherwise half of the cuts take every name whose
    /// folder was not synced, which POSIX allows
    #[arg(long, requires = "power_loss")]
    journal: bool,

    /// Test the harness: as if the disk ignored every sync. Something has to be found, or this fails
    #[arg(long, requires = "power_loss")]
    forget_syncs: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut harness = harness(args, scratch.path())?;
    say(&format!("crash: running {}", shell::shown(&harness)));
    let output = harness.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let Ok(report) = serde_json::from_str::<Map<String, Value>>(&printed) else {
        bail!("the crash harness gave no report ({})", output.status);
    };
    print(&if args.json { Value::Object(report.clone()).to_string() } else { lines(&report) })?;
    match (output.status.success(), args.outage.forget_syncs) {
        (true, false) | (false, true) => Ok(()),
        (false, false) => bail!("something was lost, done twice, or left over"),
        (true, true) => bail!("every sync was ignored and nothing was found: the harness finds nothing"),
    }
}

/// Builds what a campaign needs, and gives the command.
fn harness(args: &Args, scratch: &Path) -> Result<Command> {
    let longshore = match &args.longshore {
        Some(longshore) => longshore.clone(),
        None => demo::build_host()?,
    };
    let guests = longshore_guest_build::build(&shell::root().join("tests/guests"), &setup::ensure()?)?;
    for name in GUESTS {
        let guest = guests
            .iter()
            .find(|guest| guest.name == name)
            .with_context(|| format!("there is no guest `{name}`"))?;
        std::fs::copy(&guest.component, scratch.join(format!("{name}.wasm")))?;
    }
    say("crash: building the harness");
    let profile = if args.dev { "dev" } else { "release" };
    let build = |words: &[&str]| {
        let mut cargo = shell::cargo("");
        cargo.args(["build", "--locked", "--profile", profile]).args(words);
        cargo
    };
    shell::run(&mut build(&["--package", "longshore-crash-shim"]))?;
    let program =
        demo::executable(&mut build(&["--package", "longshore-crash", "--bin", "longshore-crash"]))?;
    // Both are of one target folder, wherever that is.
    let shim = program.with_file_name("liblongshore_crash_shim.so");
    let mut harness = Command::new(program);
    harness.arg("--longshore").arg(longshore).arg("--shim").arg(shim).arg("--guests").arg(scratch);
    harness.arg("--seconds").arg(args.seconds.to_string()).arg("--seed").arg(args.seed.to_string());
    if let Some(processes) = args.processes {
        harness.arg("--processes").arg(processes.to_string());
    }
    if let Some(cuts) = args.outage.cuts {
        harness.arg("--cuts").arg(cuts.to_string());
    }
    for (flag, is_set) in [
        ("--power-loss", args.outage.power_loss),
        ("--journal", args.outage.journal),
        ("--forget-syncs", args.outage.forget_syncs),
    ] {
        if is_set {
            harness.arg(flag);
        }
    }
    if let Some(component) = &args.component {
        harness.arg("--component").arg(component);
    }
    if let Some(arguments) = &args.arguments {
        harness.arg("--arguments").arg(arguments);
    }
    if let Some(keep) = &args.keep {
        harness.arg("--keep").arg(keep);
    }
    Ok(harness)
}

/// A key and its value a line, and the findings below each other.
fn lines(report: &Map<String, Value>) -> String {
    let width = report.keys().map(String::len).max().unwrap_or_default();
    let mut lines = Vec::new();
    for (key, value) in report.iter().filter(|(key, _)| *key != "findings") {
        lines.push(format!("{key:width$}  {value}"));
    }
    for finding in report.get("findings").and_then(Value::as_array).into_iter().flatten() {
        lines.push(finding.as_str().unwrap_or_default().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_lines_of_their_own() {
        let report =
            serde_json::from_str(r#"{"kills": 3, "lost": 1, "findings": ["Lost: a", "Lost: b"]}"#).unwrap();
        assert_eq!(lines(&report), "kills     3\nlost      1\nLost: a\nLost: b");
    }
}
