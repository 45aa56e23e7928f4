//! `longshore doctor`

use std::process::ExitCode;

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::json;

use super::Global;
use super::bar;
use super::call::longshore;
use super::output::{print, print_json};
use super::text;
use crate::app::doctor::{self, Diagnosis, Finding, Mended, Severity};
use crate::terminal;

const AFTER_HELP: &str = "\
Examples:
  longshore doctor                    look, and say what a mend would do
  longshore doctor --deep             read every byte: digests of files, indexes of the database
  longshore doctor --mend             look, and do what can be done safely
  longshore doctor --json | jq '.findings[] | select(.severity == \"error\")'

It may run while the project works. The exit code is 1 when something is lost or broken (an error), otherwise 0.";

/// Check a project: configuration, database, files, plugins; say what is wrong and what to do
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Read every byte, which takes long where there is much
    #[arg(long)]
    deep: bool,

    /// Do what can be done safely: publish what waits for it, delete what nothing needs, set strays aside
    #[arg(long)]
    mend: bool,

    /// Print an object with `findings`, `left_out` and, with --mend, `mended`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<ExitCode> {
    let config = global.config()?;
    let mended = if args.mend {
        let (bar, config) = (bar::spinner(), config.clone());
        let mended =
            tokio::task::spawn_blocking(move || doctor::mend(&config, |what, done| tell(&bar, what, done)));
        Some(mended.await?)
    } else {
        None
    };
    let bar = bar::spinner();
    let shown = bar.clone();
    let diagnosis = doctor::examine(&config, args.deep, move |what, done| tell(&shown, what, done)).await;
    bar.finish_and_clear();
    if args.json {
        let mut report = json!(diagnosis);
        if let Some(mended) = &mended {
            report["mended"] = json!(mended);
        }
        print_json(&report)?;
    } else {
        let mut sections: Vec<String> = mended.iter().map(deeds).collect();
        sections.push(findings(&diagnosis));
        print(&sections.join("\n\n"))?;
    }
    let is_well = diagnosis.count(Severity::Error) == 0 && mended.is_none_or(|mended| mended.failed == 0);
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(bar: &ProgressBar, what: &str, done: u64) {
    bar::tell(bar, &if done == 0 { what.to_owned() } else { format!("{what}: {}", text::count(done)) });
}

fn deeds(mended: &Mended) -> String {
    let Mended { published, deleted, set_aside, failed, .. } = mended;
    let did_nothing = published + deleted + set_aside + failed == 0;
    let mut lines = if did_nothing && !mended.hindrances.is_empty() {
        let reason = "Nothing was mended, because what the database says of files cannot be relied on:";
        vec![reason.to_owned()]
    } else {
        vec![format!(
            "Mended: {} published, {deleted} deleted, {set_aside} set aside, {failed} failed.",
            text::counted(*published, "folder")
        )]
    };
    for deed in &mended.deeds {
        if let Some(error) = &deed.error {
            lines.push(within(&format!("{}: {error}", deed.folder.display())));
        }
    }
    lines.extend(
        mended.hindrances.iter().map(|finding| within(&format!("{} {}", finding.message, finding.mend))),
    );
    lines.join("\n")
}

fn findings(diagnosis: &Diagnosis) -> String {
    if diagnosis.findings.is_empty() {
        return "All is well.".into();
    }
    let mut blocks: Vec<String> = diagnosis.findings.iter().map(block).collect();
    for (code, count) in &diagnosis.left_out {
        blocks.push(format!("… and {} more of {code}", text::count(*count)));
    }
    let counted = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let count = diagnosis.count(severity);
        format!("{count} {severity}{}", if count == 1 { "" } else { "s" })
    });
    let mut end = format!("{}.", counted.join(", "));
    if diagnosis.findings.iter().any(|finding| finding.mendable) {
        end = format!("{end} `{} doctor --mend` does what is marked with *.", longshore());
    }
    blocks.push(end);
    blocks.join("\n\n")
}

fn block(finding: &Finding) -> String {
    let Finding { severity, code, subject, message, mend, mendable } = finding;
    let mark = if *mendable { "* " } else { "" };
    let subject = terminal::line(subject);
    format!("{severity}  {code}  {subject}\n{}\n{}", within(message), within(&format!("{mark}{mend}")))
}

/// A text below a heading. It may quote what others wrote, so its own lines are set in further.
fn within(text: &str) -> String {
    format!("  {}", terminal::hanging(text, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_cannot_pass_for_two() {
        let finding = Finding {
            severity: Severity::Error,
            code: "plugin_describe_failed".into(),
            subject: "x\nerror  y".into(),
            message: "it said:\nerror  database_lost  data".into(),
            mend: "Mend the file.".into(),
            mendable: false,
        };
        assert_eq!(
            block(&finding),
            "error  plugin_describe_failed  x\\nerror  y\n  it said:\n    error  database_lost  data\n  Mend the file."
        );
    }
}
