//! `longshore plugin inspect`

use std::path::Path;

use anyhow::Result;
use longshore_domain::{LoadedJob, Permission, Problem};
use serde_json::{Value, json};

use crate::app::{Role, Shutdown};
use crate::cli::errors::Unusable;
use crate::cli::output::{print, print_json};
use crate::cli::{say_if_long, start};
use crate::client_schema::unreadable;
use crate::config::Config;

const AFTER_HELP: &str = "\
Examples:
  longshore plugin inspect export
  longshore plugin inspect ./build/report.wasm        a file that is not in the project yet
  longshore plugin inspect export --json | jq .input_schema

A file is looked at together with the policy beside it, as it would be in the plugin folder. To look is to compile it and to
ask it what it is, so one that `accept` under [plugins] does not name is refused here, too.";

/// Show what a plugin says of itself, what it asks for and is granted, and its limits
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Name of a plugin of the project, or a component's file
    #[arg(value_name = "NAME|FILE.wasm")]
    plugin: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: &Args) -> Result<()> {
    let is_file = Path::new(&args.plugin).extension().is_some_and(|extension| extension == "wasm");
    let host = start(config, Role::Inspect).await?;
    let found = if is_file {
        host.load_plugin(Path::new(&args.plugin)).await
    } else {
        say_if_long(host.service().one_loaded(&args.plugin)).await;
        find(&host.service().catalog(), &args.plugin)
    };
    host.shutdown(Shutdown::Now).await;
    let job = found.map_err(Unusable)?;
    if args.json { print_json(&view(&job)) } else { print(&describe(&job)) }
}

fn find(catalog: &longshore_domain::Catalog, name: &str) -> Result<std::sync::Arc<LoadedJob>, Problem> {
    let absent = || Problem {
        file: name.to_owned(),
        code: "missing".into(),
        message: "there is no plugin of that name; `longshore plugin list` shows those there are".into(),
        serving: None,
    };
    let problem = || catalog.problems.get(name).cloned();
    catalog.job(name).cloned().ok_or_else(|| problem().unwrap_or_else(absent))
}

fn view(job: &LoadedJob) -> Value {
    let permissions: Vec<Value> = job
        .job_type
        .permissions
        .iter()
        .map(|permission| {
            let granted = job.policy.grants.allows(&permission.kind, &permission.target);
            json!({
                "kind": permission.kind,
                "target": permission.target,
                "reason": permission.reason,
                "granted": granted,
            })
        })
        .collect();
    json!({
        "name": job.job_type.name,
        "version": job.job_type.version,
        "title": job.job_type.title,
        "description": job.job_type.description,
        "component": job.component,
        "permissions": permissions,
        "policy": job.policy,
        "input_schema": job.job_type.input_schema,
        "output_schema": job.job_type.output_schema,
        "unreadable_for_some_clients": unreadable(&job.job_type.input_schema),
    })
}

fn describe(job: &LoadedJob) -> String {
    let job_type = &job.job_type;
    let policy =
        toml::to_string_pretty(&job.policy).unwrap_or_else(|error| format!("(cannot be shown: {error})"));
    let mut sections = vec![
        format!("{} {}: {}", job_type.name, job_type.version, job_type.title),
        // Set in, so that it cannot pass for what the host says of the plugin.
        titled("Description", &job_type.description),
        format!("Component: {}", job.component),
    ];
    sections.extend(job_type.permissions.iter().map(|permission| describe_permission(job, permission)));
    sections.push(titled("Policy, defaults included", &policy));
    sections.push(titled("Input schema", &format!("{:#}", job_type.input_schema)));
    let notes = unreadable(&job_type.input_schema);
    if !notes.is_empty() {
        sections.push(titled("What some clients cannot read in the input schema", &notes.join("\n")));
    }
    if let Some(schema) = &job_type.output_schema {
        sections.push(titled("Output schema", &format!("{schema:#}")));
    }
    sections.join("\n\n")
}

fn describe_permission(job: &LoadedJob, permission: &Permission) -> String {
    let Permission { kind, target, reason } = permission;
    let grants = &job.policy.grants;
    let granted = match grants.of_kind(kind) {
        Some(names) if grants.allows(kind, target) => format!("granted: {}", names.join(", ")),
        _ => "not granted".into(),
    };
    let wanted = if target == "*" { "any" } else { target };
    format!("Permission: {kind} {wanted} ({reason}); {granted}")
}

fn titled(title: &str, text: &str) -> String {
    let lines: Vec<String> =
        text.trim().lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
    format!("{title}:\n\n{}", lines.join("\n"))
}
