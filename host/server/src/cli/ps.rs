//! `longshore ps`: who works on the project, and on what.

use std::process::ExitCode;

use anyhow::Result;
use longshore_scheduler::{RunningHere, TaskService};
use serde_json::{Value, json};

use super::Global;
use super::output::{print, print_json, say};
use super::table::Table;
use super::text;
use crate::app::processes::{self, Process};
use crate::app::{Host, Role, Shutdown};
use crate::config::Config;
use crate::view::rfc3339;

const AFTER_HELP: &str = "\
Examples:
  longshore ps
  longshore ps --json | jq '.processes[] | {pid, slots, running: (.jobs | length)}'

Roles: serve (for a client), worker, run, behind (a worker that stays behind until no job is left). A process marked \"outdated\"
works with another version or configuration than there is now; restart it to have it follow.";

/// Show the processes that work and what each runs
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Print an object with `processes`, `queued`, `paused` and `running_elsewhere`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<ExitCode> {
    let config = global.config()?;
    let host = Host::start(&config, Role::Tasks).await?;
    let shown = show(&config, &host.service(), args.json).await;
    host.shutdown(Shutdown::Now).await;
    shown.map(|()| ExitCode::SUCCESS)
}

async fn show(config: &Config, service: &TaskService, as_json: bool) -> Result<()> {
    let mut working = Vec::new();
    for process in processes::living(config) {
        let jobs = processes::running(service, &process).await?;
        working.push((process, jobs));
    }
    let (live, paused) = (service.live_counts().await?, service.paused().await?);
    let queued: u64 = live.values().map(|counts| counts.queued).sum();
    let running: u64 = live.values().map(|counts| counts.running).sum();
    let known: usize = working.iter().map(|(_, jobs)| jobs.len()).sum();
    // Of a process that ended a moment ago, or that could take no lock.
    let elsewhere = running.saturating_sub(known as u64);
    if as_json {
        let processes: Vec<Value> = working.iter().map(|(process, jobs)| object(process, jobs)).collect();
        let paused: serde_json::Map<String, Value> =
            paused.iter().map(|(name, since)| (name.to_string(), rfc3339(*since).into())).collect();
        return print_json(&json!({
            "processes": processes, "queued": queued, "paused": paused, "running_elsewhere": elsewhere,
        }));
    }
    if working.is_empty() {
        say("No process works on the project; `longshore worker` starts one.");
    } else {
        print(&table_of_processes(&working).render())?;
    }
    if known > 0 {
        print(&format!("\n{}", table_of_jobs(&working).render()))?;
    }
    let mut remarks = Vec::new();
    if queued > 0 {
        remarks.push(format!("{} queued.", text::counted(queued, "job")));
    }
    if elsewhere > 0 {
        remarks.push(format!(
            "{} held by a process that is not listed: it has just ended, or could take no lock.",
            text::counted(elsewhere, "job")
        ));
    }
    for (name, since) in &paused {
        remarks.push(format!("{name} is paused since {}.", text::time(&rfc3339(*since))));
    }
    if remarks.is_empty() { Ok(()) } else { print(&format!("\n{}", remarks.join("\n"))) }
}

fn table_of_processes(working: &[(Process, Vec<RunningHere>)]) -> Table {
    let mut table = Table::new(&["PROCESS", "ROLE", "SLOTS", "SINCE", "VERSION", ""]);
    for (process, jobs) in working {
        let remark = if process.is_up_to_date { "" } else { "outdated" };
        table.row(&[
            process.pid.to_string(),
            process.role.clone(),
            format!("{} of {}", jobs.len(), process.slots),
            text::time(&process.started_at),
            process.version.clone(),
            remark.to_owned(),
        ]);
    }
    table
}

fn table_of_jobs(working: &[(Process, Vec<RunningHere>)]) -> Table {
    let mut table = Table::new(&["PROCESS", "JOB", "TYPE", "ATTEMPT", "SINCE"]);
    for (process, jobs) in working {
        for job in jobs {
            table.row(&[
                process.pid.to_string(),
                job.attempt.task.to_string(),
                job.job_type.to_string(),
                job.attempt.number.to_string(),
                text::time(&rfc3339(job.started_at)),
            ]);
        }
    }
    table
}

fn object(process: &Process, jobs: &[RunningHere]) -> Value {
    let job = |job: &RunningHere| {
        json!({
            "job_id": job.attempt.task.to_string(),
            "job_type": job.job_type,
            "attempt": job.attempt.number,
            "since": rfc3339(job.started_at),
        })
    };
    json!({
        "pid": process.pid,
        "worker": process.worker,
        "role": process.role,
        "version": process.version,
        "started_at": process.started_at,
        "slots": process.slots,
        "is_up_to_date": process.is_up_to_date,
        "jobs": jobs.iter().map(job).collect::<Vec<_>>(),
    })
}
