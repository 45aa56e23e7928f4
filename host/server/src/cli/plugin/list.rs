//! `longshore plugin list`

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use longshore_domain::{Catalog, JobTypeName, LoadedJob, PausedTypes, Problem, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::app::{Role, Shutdown};
use crate::cli::output::{print, print_json, say};
use crate::cli::start;
use crate::cli::table::Table;
use crate::cli::text;
use crate::config::Config;
use crate::view::rfc3339;

const AFTER_HELP: &str = "\
Examples:
  longshore plugin list
  longshore plugin list --json | jq '.plugins[] | select(.state != \"ready\")'

States: ready; paused (`longshore resume NAME` starts its jobs again); blocked (asks for more than it is granted); disabled (by its policy); missing (a policy without its component);
loading (is being loaded, or compiled for the first time); broken (cannot be used). A plugin whose new file is broken goes on in its earlier version where one
is served. One that is ready may have a warning: its policy grants a table or column that the source does not have.";

/// List plugins: which are offered, and why others are not
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Print an object with `plugins`
    #[arg(long)]
    json: bool,

    /// Wait until none of them is loading
    #[arg(long)]
    wait: bool,
}

/// A plugin file and what became of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct PluginView<'a> {
    name: &'a str,
    state: &'static str,
    /// Version that is offered now.
    version: Option<&'a str>,
    title: Option<&'a str>,
    /// SHA-256 of the component that is offered now.
    component: Option<&'a str>,
    /// Why the file as it is now is not offered.
    code: Option<&'a str>,
    reason: Option<&'a str>,
    /// Version that is served in place of the file as it is now.
    serving_version: Option<&'a str>,
    /// What is odd about it, although it is offered.
    warning: Option<&'a str>,
    /// Since when its jobs are accepted and not started.
    paused_since: Option<String>,
}

impl<'a> PluginView<'a> {
    fn new(
        name: &'a str,
        job: Option<&'a LoadedJob>,
        problem: Option<&'a Problem>,
        warning: Option<&'a Problem>,
        paused_since: Option<Timestamp>,
    ) -> Self {
        let state = match problem.map(|problem| problem.code.as_str()) {
            None if job.is_none() && paused_since.is_some() => "missing",
            None if paused_since.is_some() => "paused",
            None => "ready",
            Some("blocked") => "blocked",
            Some("disabled") => "disabled",
            Some("loading") => "loading",
            Some("component_missing") => "missing",
            Some(_) => "broken",
        };
        Self {
            name,
            state,
            version: job.map(|job| job.job_type.version.as_str()),
            title: job.map(|job| job.job_type.title.as_str()),
            component: job.map(|job| job.component.as_str()),
            code: problem.map(|problem| problem.code.as_str()),
            reason: problem.map(|problem| problem.message.as_str()),
            serving_version: problem.and_then(|problem| problem.serving.as_deref()),
            warning: warning.map(|warning| warning.message.as_str()),
            paused_since: paused_since.map(rfc3339),
        }
    }
}

pub(super) async fn run(config: &Config, args: &Args) -> Result<()> {
    let host = start(config, Role::Inspect).await?;
    if args.wait {
        host.service().all_loaded(Duration::MAX).await;
    }
    let (catalog, paused) = (host.service().catalog(), host.service().paused().await);
    host.shutdown(Shutdown::Now).await;
    let paused = paused?;
    let plugins = views(&catalog, &paused);
    if args.json {
        return print_json(&json!({"plugins": plugins}));
    }
    if plugins.is_empty() {
        say(&format!("There is no plugin in {}.", config.plugins.dir.display()));
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "VERSION", "STATE", ""]);
    for plugin in &plugins {
        let remark = match (plugin.reason, plugin.serving_version) {
            (Some(reason), Some(serving)) => format!("{reason} (version {serving} is served)"),
            (Some(reason), None) => reason.to_owned(),
            (None, _) => plugin.title.unwrap_or_default().to_owned(),
        };
        let warning = plugin.warning.map(|warning| format!("; warning: {warning}")).unwrap_or_default();
        let paused = plugin.paused_since.as_ref();
        let paused = paused.map(|since| format!("; paused since {}", text::time(since))).unwrap_or_default();
        let remark = remark + &warning + &paused;
        let version = plugin.version.unwrap_or("-").to_owned();
        table.row(&[plugin.name.to_owned(), version, plugin.state.to_owned(), remark]);
    }
    print(&table.render())
}

fn views<'a>(catalog: &'a Catalog, paused: &'a PausedTypes) -> Vec<PluginView<'a>> {
    let jobs = catalog.jobs.keys().chain(paused.keys()).map(JobTypeName::as_str);
    let names: BTreeSet<&str> = jobs.chain(catalog.problems.keys().map(String::as_str)).collect();
    let since = |name: &str| paused.iter().find(|(known, _)| known.as_str() == name).map(|(_, since)| *since);
    names
        .into_iter()
        .map(|name| {
            let job = catalog.job(name).map(AsRef::as_ref);
            let (problem, warning) = (catalog.problems.get(name), catalog.warnings.get(name));
            PluginView::new(name, job, problem, warning, since(name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_decides_the_state() {
        let problem = |code: &str| Problem {
            file: "x.wasm".into(),
            code: code.into(),
            message: "because".into(),
            serving: None,
        };
        let state = |code: &str| PluginView::new("x", None, Some(&problem(code)), None, None).state;
        let states = ["blocked", "disabled", "component_missing", "wrong_world"].map(state);
        assert_eq!(states, ["blocked", "disabled", "missing", "broken"]);
        let odd = problem("unmatched_grant");
        let view = PluginView::new("x", None, None, Some(&odd), None);
        assert_eq!((view.state, view.warning), ("ready", Some("because")));
    }
}
