//! Brings the schedules in the store up to date with those of the configuration file.

use anyhow::{Context as _, Result};
use longshore_domain::{Owner, SyncedSchedules};
use longshore_scheduler::TaskService;

use crate::config::Config;

/// Adds, changes and removes what the file has changed since a process last started.
pub(super) async fn follow(service: &TaskService, config: &Config) -> Result<()> {
    let SyncedSchedules { added, changed, removed } = service
        .follow_config(&Owner::local(), config.schedules.clone())
        .await
        .context("cannot keep the schedules of longshore.toml")?;
    for (what, names) in [("added", added), ("changed", changed), ("removed", removed)] {
        for schedule in names {
            tracing::info!(schedule, "a schedule of longshore.toml was {what}");
        }
    }
    Ok(())
}
