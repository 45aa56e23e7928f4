//! `longshore pause` and `longshore resume`: whether jobs of a type are started, in every process of the project.

use std::process::ExitCode;

use anyhow::Result;
use longshore_domain::JobTypeName;
use serde_json::json;

use super::Global;
use super::call::longshore;
use super::output::{print, print_json};
use crate::app::{Host, Role, Shutdown};
use crate::view::rfc3339;

const AFTER_PAUSE: &str = "\
Examples:
  longshore pause export
  longshore resume export

New jobs of the type are accepted and wait; jobs that run go on. The pause holds in all processes of the project, also those
that start later, until the type is resumed.";

const AFTER_RESUME: &str = "\
Examples:
  longshore resume export

Jobs that waited start in whatever process of the project works, or in a worker that this command leaves.";

/// Stop starting jobs of a type; accept new ones
#[derive(clap::Args)]
#[command(after_help = AFTER_PAUSE)]
pub(super) struct Pause {
    #[command(flatten)]
    of: Of,
}

/// Start jobs of a paused type again
#[derive(clap::Args)]
#[command(after_help = AFTER_RESUME)]
pub(super) struct Resume {
    #[command(flatten)]
    of: Of,
}

/// Which job type.
#[derive(clap::Args)]
struct Of {
    /// Job type
    #[arg(value_name = "TYPE")]
    job_type: JobTypeName,

    /// Print the job type and since when it is paused
    #[arg(long)]
    json: bool,
}

pub(super) async fn pause(global: &Global, args: Pause) -> Result<ExitCode> {
    // As for a submission: what is noted needs a database.
    let host = Host::start(&global.config()?, Role::Submit).await?;
    let (service, Of { job_type, json }) = (host.service(), args.of);
    let done = async {
        let is_new = service.pause(&job_type).await?;
        let waiting = service.live_counts().await?.get(&job_type).map_or(0, |counts| counts.queued);
        let since = service.paused().await?.get(&job_type).copied().map(rfc3339);
        if json {
            return print_json(&json!({"job_type": job_type, "paused_since": since, "queued": waiting}));
        }
        let what = if is_new { "is paused" } else { "was paused before" };
        print(&format!(
            "{job_type} {what}: new jobs are accepted, none is started ({waiting} wait). `{} resume {job_type}` starts them.",
            longshore()
        ))
    }
    .await;
    host.shutdown(Shutdown::Now).await;
    done.map(|()| ExitCode::SUCCESS)
}

pub(super) async fn resume(global: &Global, args: Resume) -> Result<ExitCode> {
    let config = global.config()?;
    let mut host = Host::start(&config, Role::Submit).await?;
    let (service, Of { job_type, json }) = (host.service(), args.of);
    let done = async {
        let was_paused = service.resume(&job_type).await?;
        if json {
            return print_json(
                &json!({"job_type": job_type, "paused_since": null, "was_paused": was_paused}),
            );
        }
        let what = if was_paused { "is resumed: its jobs are started again" } else { "was not paused" };
        print(&format!("{job_type} {what}."))
    }
    .await;
    if done.is_ok() {
        host.leave_a_worker(&config).await;
    }
    host.shutdown(Shutdown::Now).await;
    done.map(|()| ExitCode::SUCCESS)
}
