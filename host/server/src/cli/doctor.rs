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
use crate::app::doctor::{self, Diagnosis, Finding, Fixed, Severity};
use crate::terminal;

const AFTER_HELP: &str = "\
Examples:
  longshore doctor                    look, and say what a fix would do
  longshore doctor --deep             read every byte: digests of files, indexes of the database
  longshore doctor --fix             look, and do what can be done safely
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
    #[arg(long, alias = "mend")]
    fix: bool,

    /// Print an object with `findings`, `left_out` and, with --fix, `fixed`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<ExitCode> {
    let config = global.config()?;
    let fixed = if args.fix {
        let (bar, config) = (bar::spinner(), config.clone());
        let fixed =
            tokio::task::spawn_blocking(move || doctor::fix(&config, |what, done| tell(&bar, what, done)));
        Some(fixed.await?)
    } else {
        None
    };
    let bar = bar::spinner();
    let shown = bar.clone();
    let diagnosis = doctor::examine(&config, args.deep, move |what, done| tell(&shown, what, done)).await;
    bar.finish_and_clear();
    if args.json {
        let mut report = json!(diagnosis);
        if let Some(fixed) = &fixed {
            report["fixed"] = json!(fixed);
        }
        print_json(&report)?;
    } else {
        let mut sections: Vec<String> = fixed.iter().map(deeds).collect();
        sections.push(findings(&diagnosis));
        print(&sections.join("\n\n"))?;
    }
    let is_well = diagnosis.count(Severity::Error) == 0 && fixed.is_none_or(|fixed| fixed.failed == 0);
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(bar: &ProgressBar, what: &str, done: u64) {
    bar::tell(bar, &if done == 0 { what.to_owned() } else { format!("{what}: {}", text::count(done)) });
}

fn deeds(fixed: &Fixed) -> String {
    let Fixed { published, deleted, set_aside, rewritten, failed, .. } = fixed;
    let did_nothing = published + deleted + set_aside + rewritten + failed == 0;
    let mut lines = if did_nothing && !fixed.hindrances.is_empty() {
        let reason = "Nothing was fixed, because what the database says of files cannot be relied on:";
        vec![reason.to_owned()]
    } else {
        vec![format!(
            "Fixed: {} published, {deleted} deleted, {set_aside} set aside, {failed} failed.",
            text::counted(*published, "folder")
        )]
    };
    if *rewritten > 0 {
        lines.push("The database was written anew, without its free pages.".into());
    }
    for deed in &fixed.deeds {
        if let Some(error) = &deed.error {
            lines.push(within(&format!("{}: {error}", deed.folder.display())));
        }
    }
    lines.extend(
        fixed.hindrances.iter().map(|finding| within(&format!("{} {}", finding.message, finding.fix))),
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
    if diagnosis.findings.iter().any(|finding| finding.fixable) {
        end = format!("{end} `{} doctor --fix` does what is marked with *.", longshore());
    }
    blocks.push(end);
    blocks.join("\n\n")
}

fn block(finding: &Finding) -> String {
    let Finding { severity, code, subject, message, fix, fixable } = finding;
    let mark = if *fixable { "* " } else { "" };
    let subject = terminal::line(subject);
    format!("{severity}  {code}  {subject}\n{}\n{}", within(message), within(&format!("{mark}{fix}")))
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
            fix: "Fix the file.".into(),
            fixable: false,
        };
        assert_eq!(
            block(&finding),
            "error  plugin_describe_failed  x\\nerror  y\n  it said:\n    error  database_lost  data\n  Fix the file."
        );
    }
}
