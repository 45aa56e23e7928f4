//! Moves artifacts to their final place once the commit has made them real.
//!
//! The store knows which tasks are not published, so a kill between commit and move is mended by whoever looks next: a
//! reader, or the sweeper.

use std::sync::Arc;

use longshore_domain::{ArtifactFiles, StoreError, Task, TaskId, TaskStore, Unpublished};

#[derive(Clone)]
pub(crate) struct Publisher {
    store: Arc<dyn TaskStore>,
    files: Arc<dyn ArtifactFiles>,
}

impl Publisher {
    pub(crate) fn new(store: Arc<dyn TaskStore>, files: Arc<dyn ArtifactFiles>) -> Self {
        Self { store, files }
    }

    /// Moves the files of a completed task, if they are not in their final place.
    pub(crate) async fn ensure_published(&self, task: &Task) -> Result<(), String> {
        let Some(first) = task.artifacts.first() else { return Ok(()) };
        if self.files.path(task.id, &first.artifact.name).exists() {
            return Ok(());
        }
        self.publish(Unpublished { task: task.id, attempt: first.attempt, artifacts: task.artifacts.clone() })
            .await
    }

    /// Moves the files of a completed task and notes it.
    pub(crate) async fn publish(&self, unpublished: Unpublished) -> Result<(), String> {
        let files = Arc::clone(&self.files);
        let task = unpublished.task;
        let moved = tokio::task::spawn_blocking(move || files.publish(&unpublished)).await;
        match moved {
            Ok(Ok(())) => self.mark(task).await.map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Publishes what others left unpublished, `limit` tasks at most, and says how many.
    pub(crate) async fn publish_left_behind(&self, limit: u32) -> Result<u32, StoreError> {
        let mut published = 0;
        for unpublished in self.store.unpublished(limit).await? {
            let task = unpublished.task;
            match self.publish(unpublished).await {
                Ok(()) => published += 1,
                Err(error) => tracing::error!(job_id = %task, error, "the artifacts could not be published"),
            }
        }
        Ok(published)
    }

    async fn mark(&self, task: TaskId) -> Result<(), StoreError> {
        self.store.mark_published(task).await
    }
}
