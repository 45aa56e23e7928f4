//! `cargo xtask gallery`: runs guests that misbehave, and gives one JSON object a guest.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use crate::output::{print, say};
use crate::{demo, setup, shell};

/// The package of the guests that are written in Rust, in the workspace of the guests.
const PACKAGE: &str = "gallery";

/// Run guests that misbehave, and look how each ends, what good tasks beside it notice, and whether memory returns.
///
/// Fails where a code is another than it should be; where ten good tasks beside a guest take more than 1.5 times as long as
/// without it; or where the host's memory stays more than 8 MiB above where it was. Takes some minutes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these guests; tests/guests/gallery has them
    #[arg(value_name = "GUEST")]
    guests: Vec<String>,

    /// Run all guests at once and look at their codes only. Takes seconds; times and memory fail nothing, and are those of all
    #[arg(long)]
    codes_only: bool,

    /// How often each guest is measured; medians count
    #[arg(long, value_name = "N", conflicts_with = "codes_only")]
    rounds: Option<u32>,

    /// The program to run them in; without it the release build of this source
    #[arg(long, value_name = "PATH")]
    longshore: Option<PathBuf>,

    /// Build the harness without optimisation: quicker where it runs only once
    #[arg(long)]
    dev: bool,

    /// Print one JSON object a guest, each on a line, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut harness = harness(args, scratch.path())?;
    say(&format!("gallery: running {}", shell::shown(&harness)));
    let mut child =
        harness.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run the harness")?;
    // A guest may take half a minute, so each is told of when it is done.
    let mut has_begun = false;
    for line in BufReader::new(child.stdout.take().context("no pipe from the harness")?).lines() {
        let line = line?;
        if args.json {
            print(&line)?;
            continue;
        }
        if !has_begun {
            print(&heading())?;
            has_begun = true;
        }
        print(&row(&serde_json::from_str(&line).context("the harness printed something that is no JSON")?))?;
    }
    if !child.wait()?.success() {
        bail!("a guest did not end as it should, or was noticed by others");
    }
    Ok(())
}

/// Builds what the harness needs, and gives the command.
fn harness(args: &Args, scratch: &Path) -> Result<Command> {
    let longshore = match &args.longshore {
        Some(longshore) => longshore.clone(),
        None => demo::build_host()?,
    };
    let workspace = shell::root().join("tests/guests");
    say("gallery: building the guests");
    for guest in longshore_guest_build::build_examples(&workspace, PACKAGE, &setup::ensure()?)? {
        std::fs::copy(&guest.component, scratch.join(format!("{}.wasm", guest.name)))?;
    }
    say("gallery: building the harness");
    let mut cargo = shell::cargo("");
    cargo.args(["build", "--locked", "--profile", if args.dev { "dev" } else { "release" }]);
    cargo.args(["--package", "longshore-gallery", "--bin", "longshore-gallery"]);
    let mut harness = Command::new(demo::executable(&mut cargo)?);
    harness.arg("--longshore").arg(longshore).arg("--components").arg(scratch);
    harness.arg("--texts").arg(workspace.join(PACKAGE).join("wat"));
    if args.codes_only {
        harness.arg("--codes-only");
    }
    if let Some(rounds) = args.rounds {
        harness.arg("--rounds").arg(rounds.to_string());
    }
    harness.args(&args.guests);
    Ok(harness)
}

fn heading() -> String {
    format!("{:<34}  {:<18}  {:>10}  {:>7}  well", "guest", "code", "neighbours", "RSS MiB")
}

/// A line of the table, and one for each fault.
fn row(report: &Map<String, Value>) -> String {
    let text = |key: &str| match report.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value) if !value.is_null() => value.to_string(),
        _ => "-".to_owned(),
    };
    let well = if report.get("ok") == Some(&Value::Bool(true)) { "yes" } else { "NO" };
    let (guest, code) = (text("guest"), text("code"));
    let (ratio, memory) = (text("neighbours_ratio"), text("rss_delta_mib"));
    let mut lines = vec![format!("{guest:<34}  {code:<18}  {ratio:>10}  {memory:>7}  {well}")];
    let faults = report.get("faults").and_then(Value::as_array).into_iter().flatten();
    lines.extend(faults.filter_map(Value::as_str).map(|fault| format!("    {fault}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_line_of_its_own() {
        let report = serde_json::from_str(
            r#"{"guest": "spins", "code": "timeout", "neighbours_ratio": 1.62, "rss_delta_mib": 0.4, "ok": false,
                "faults": ["the good tasks took longer"]}"#,
        );
        let lines = row(&report.unwrap());
        let lines: Vec<&str> = lines.lines().collect();
        assert!(lines[0].starts_with("spins ") && lines[0].ends_with("     0.4  NO"), "{lines:?}");
        assert_eq!(lines[1], "    the good tasks took longer");
        assert_eq!(heading().find("well"), lines[0].find("NO"));
    }
}
