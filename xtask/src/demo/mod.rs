//! `cargo xtask demo`: the whole of Longshore in one run, seen from an MCP client.

mod client;
mod folder;
mod host;
mod job;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use self::client::Client;
pub(crate) use self::host::{build as build_host, executable};
use crate::output::{print, say};
use crate::{setup, shell};

/// Orders that the sample shop has for Delhi in March 2026.
const EXPECTED: u64 = 1_842;

/// Build Longshore and see it work: 1,842 invoices, asked for over MCP as an agent would.
///
/// Installs the wasm32-wasip2 target if it is missing, builds the plugins and the host, makes a demo project with a sample
/// shop, starts `longshore serve` and, as its MCP client, runs the job `bulk_invoice` for Delhi in March 2026. Says where
/// the invoices are, and how to add Longshore to your own MCP client. Run it as often as you like.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of the demo project; made if it is missing
    #[arg(long, value_name = "DIR", default_value = "demo")]
    dir: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    setup::ensure()?;
    say("demo: building the plugins and the host (a few minutes the first time)");
    let longshore = build_host()?;
    let project = std::path::absolute(shell::root().join(&args.dir))?;
    folder::prepare(&longshore, &project)?;

    let mut client = Client::start(&longshore, &project)?;
    let server = client.discover()?;
    say(&format!("demo: connected to {server} over stdio"));
    client.wait_for_tool("bulk_invoice")?;
    let started = Instant::now();
    let arguments = json!({"city": "Delhi", "month": "2026-03"});
    say(&format!("demo: tools/call bulk_invoice {arguments}"));
    let result = job::run(&mut client, "bulk_invoice", &arguments)?;
    let seconds = started.elapsed().as_secs_f64();
    client.stop()?;

    let view = &result["structuredContent"];
    check(view)?;
    print(&summary(view, seconds))?;
    print(&next_steps(&longshore, &project))?;
    Ok(())
}

/// A demo that shows something wrong must fail.
fn check(view: &Value) -> Result<()> {
    let records = view["records_processed"].as_u64();
    if records != Some(EXPECTED) {
        bail!("the job made {} invoices, expected {EXPECTED}: {view}", records.unwrap_or_default());
    }
    for artifact in artifacts(view) {
        let (path, bytes) = (artifact["path"].as_str().unwrap_or_default(), artifact["bytes"].as_u64());
        let found = std::fs::metadata(path).ok().map(|file| file.len());
        if found.is_none() || found != bytes {
            bail!("the file {path} should have {bytes:?} bytes and has {found:?}");
        }
    }
    if artifacts(view).next().is_none() {
        bail!("the job made no file: {view}");
    }
    Ok(())
}

fn artifacts(view: &Value) -> impl Iterator<Item = &Value> {
    view["artifacts"].as_array().into_iter().flatten()
}

fn summary(view: &Value, seconds: f64) -> String {
    let mut lines = vec![String::new(), format!("Made 1,842 invoices in {seconds:.1} s. The result:")];
    if let Some(result) = view["result"].as_object() {
        lines.extend(result.iter().map(|(name, value)| format!("  {name}: {value}")));
    }
    lines.push("\nThe files:".into());
    lines.extend(artifacts(view).map(|artifact| {
        let kib = artifact["bytes"].as_u64().unwrap_or_default().div_ceil(1024);
        format!("  {} ({kib} KiB)", artifact["path"].as_str().unwrap_or_default())
    }));
    lines.join("\n")
}

fn next_steps(longshore: &std::path::Path, project: &std::path::Path) -> String {
    let word = |path: &std::path::Path| {
        let path = path.to_string_lossy();
        // Fails on NUL only, which no path has.
        shlex::try_quote(&path).map_or_else(|_| path.to_string(), std::borrow::Cow::into_owned)
    };
    let (program, folder) = (word(longshore), word(project));
    let server = json!({"mcpServers": {"longshore": {
        "command": longshore.to_string_lossy(),
        "args": ["serve", "--project", project.to_string_lossy()],
    }}});
    format!(
        "
To use it from an MCP client (Claude Desktop, an IDE, an agent), add this to its configuration:

{server:#}

What to try next:
  {program} -C {folder} run export --payload '{{\"source\":\"shop\",\"table\":\"orders\",\"format\":\"csv\"}}'
  {program} -C {folder} task list
  {program} -C {folder} plugin list
  {program} --help"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_pasted_is_quoted_for_the_shell() {
        let steps = next_steps("/opt/my tools/longshore".as_ref(), "/srv/it's a shop".as_ref());
        let line = steps.lines().find(|line| line.contains("task list")).unwrap();
        let words = shlex::split(line).unwrap();
        assert_eq!(words, ["/opt/my tools/longshore", "-C", "/srv/it's a shop", "task", "list"], "{line}");
    }

    #[test]
    fn only_the_right_number_of_readable_files_passes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("invoices.zip");
        std::fs::write(&path, "12345").unwrap();
        let view = |records: u64, bytes: u64| json!({"records_processed": records, "artifacts": [{"path": path, "bytes": bytes}]});
        assert!(check(&view(EXPECTED, 5)).is_ok());
        assert!(check(&view(EXPECTED - 1, 5)).is_err());
        assert!(check(&view(EXPECTED, 6)).is_err());
        assert!(check(&json!({"records_processed": EXPECTED, "artifacts": []})).is_err());
    }
}
