//! Forgets finished tasks whose time is over, with their files.

use std::sync::Arc;

use longshore_domain::{ArtifactFiles, StoreError, TaskId, Timestamp};

use crate::ServiceParts;

/// Tasks forgotten in one step. Whoever claims or submits meanwhile waits for a step at most.
const STEP: u32 = 20;
/// Tasks whose files are deleted in one step.
const FILES_STEP: u32 = 100;

/// Forgets what was kept for long enough. Any number of processes may do so at once.
pub struct Pruner {
    parts: ServiceParts,
}

impl Pruner {
    /// A pruner of the store and the files of `parts`.
    pub fn new(parts: ServiceParts) -> Self {
        Self { parts }
    }

    /// Forgets all tasks whose time is over now, and says how many.
    pub async fn tick(&self, now: Timestamp) -> Result<u64, StoreError> {
        let lived = self.parts.store.lived(now).await?;
        if lived.step_ms != 0 {
            tracing::info!(
                step_ms = lived.step_ms,
                "nobody worked for a while, or the clock was set; finished jobs are kept for as much longer"
            );
        }
        let mut forgotten = 0;
        loop {
            let step = self.parts.store.prune(lived.at, STEP).await?;
            forgotten += u64::from(step);
            if step == 0 {
                break;
            }
        }
        if forgotten > 0 {
            tracing::debug!(tasks = forgotten, "forgot finished tasks whose time was over");
        }
        self.delete_files().await?;
        Ok(forgotten)
    }

    /// Deletes the files of forgotten tasks, also of those that another process forgot before it was lost. What cannot
    /// be deleted is tried again at the next tick.
    async fn delete_files(&self) -> Result<(), StoreError> {
        loop {
            let tasks = self.parts.store.pruned(FILES_STEP).await?;
            let found = tasks.len();
            let files = Arc::clone(&self.parts.files);
            let gone =
                tokio::task::spawn_blocking(move || delete(files.as_ref(), tasks)).await.unwrap_or_default();
            let all_gone = gone.len() == found;
            if !gone.is_empty() {
                self.parts.store.files_are_gone(gone).await?;
            }
            if !all_gone || found < FILES_STEP as usize {
                return Ok(());
            }
        }
    }
}

/// Deletes the files of `tasks` and gives those whose files are gone.
fn delete(files: &dyn ArtifactFiles, mut tasks: Vec<TaskId>) -> Vec<TaskId> {
    tasks.retain(|task| match files.discard(*task) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(job_id = %task, %error, "the files of a forgotten job cannot be deleted; tried again later");
            false
        }
    });
    if let Err(error) = files.sync_discarded() {
        tracing::warn!(%error, "the files of forgotten jobs may not be gone for good; tried again later");
        return Vec::new();
    }
    tasks
}
