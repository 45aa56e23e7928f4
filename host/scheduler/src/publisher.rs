//! Moves artifacts to their final place once the commit has made them real.
//!
//! The store knows which tasks are not published, so a kill between commit and move is mended by whoever looks next: a
//! reader, or the sweeper.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_domain::{
    ArtifactFiles, ArtifactRecord, FileError, Look, SavedArtifact, StoreError, Task, TaskId, TaskStore,
    Unpublished,
};

use crate::{ArtifactFile, ServiceError};

#[derive(Clone)]
pub(crate) struct Publisher {
    store: Arc<dyn TaskStore>,
    files: Arc<dyn ArtifactFiles>,
    /// Tasks whose files could not be moved and of which that was told: they are tried again and again.
    told: Arc<Mutex<BTreeSet<TaskId>>>,
}

impl Publisher {
    pub(crate) fn new(store: Arc<dyn TaskStore>, files: Arc<dyn ArtifactFiles>) -> Self {
        Self { store, files, told: Arc::default() }
    }

    /// The artifacts of a completed task and where they are, each with what is wrong with it. A file that was lost takes
    /// nothing from what else is known of the task.
    pub(crate) async fn shown(&self, task: &Task) -> Vec<ArtifactFile> {
        let published = self.ensure_published(task).await;
        task.artifacts
            .iter()
            .map(|ArtifactRecord { artifact: record, .. }| {
                let checked = self.files.check(task.id, record, Look::Length);
                let problem = match (&published, &checked) {
                    (_, Ok(())) => None,
                    (Err(error), Err(_)) | (Ok(()), Err(error)) => Some(FileError::told_of(error)),
                };
                ArtifactFile { path: self.files.path(task.id, &record.name), record: record.clone(), problem }
            })
            .collect()
    }

    /// Looks at every byte of the artifacts of a task, and notes what is wrong with each.
    pub(crate) async fn check(&self, task: TaskId, mut artifacts: Vec<ArtifactFile>) -> Vec<ArtifactFile> {
        let files = Arc::clone(&self.files);
        let unchecked = artifacts.clone();
        let checked = tokio::task::spawn_blocking(move || {
            for file in &mut artifacts {
                let content = files.check(task, &file.record, Look::Content);
                file.problem = file.problem.take().or(content.err().map(|error| FileError::told_of(&error)));
            }
            artifacts
        });
        checked.await.unwrap_or(unchecked)
    }

    /// The bytes of an artifact of a completed task, if they are what the job made.
    pub(crate) async fn read(&self, task: TaskId, record: SavedArtifact) -> Result<Vec<u8>, ServiceError> {
        let (files, name) = (Arc::clone(&self.files), record.name.clone());
        let read = tokio::task::spawn_blocking(move || files.read(task, &record)).await;
        read.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
            let message = FileError::told_of(&error);
            match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::NotFound => {
                    ServiceError::ArtifactCorrupt { id: task, name, message }
                }
                _ => ServiceError::ArtifactUnreadable { id: task, name, message },
            }
        })
    }

    /// Moves the files of a completed task, if they are not in their final place.
    async fn ensure_published(&self, task: &Task) -> io::Result<()> {
        let Some(first) = task.artifacts.first() else { return Ok(()) };
        if self.files.path(task.id, &first.artifact.name).exists() {
            return Ok(());
        }
        self.publish(Unpublished { task: task.id, attempt: first.attempt, artifacts: task.artifacts.clone() })
            .await
    }

    /// Moves the files of a completed task and notes it.
    pub(crate) async fn publish(&self, unpublished: Unpublished) -> io::Result<()> {
        let files = Arc::clone(&self.files);
        let task = unpublished.task;
        let moved = tokio::task::spawn_blocking(move || files.publish(&unpublished)).await;
        match moved {
            Ok(Ok(())) => self.mark(task).await.map_err(|error| io::Error::other(error.told())),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Publishes what others left unpublished, `limit` tasks at most, and says how many.
    pub(crate) async fn publish_left_behind(&self, limit: u32) -> Result<u32, StoreError> {
        let mut published = 0;
        for unpublished in self.store.unpublished(limit).await? {
            let task = unpublished.task;
            match self.publish(unpublished).await {
                Ok(()) => published += 1,
                Err(error) if self.told().insert(task) => {
                    tracing::error!(job_id = %task, %error, "the artifacts could not be published; tried again each second");
                }
                Err(error) => {
                    tracing::debug!(job_id = %task, %error, "the artifacts could still not be published");
                }
            }
        }
        Ok(published)
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<TaskId>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn mark(&self, task: TaskId) -> Result<(), StoreError> {
        self.store.mark_published(task).await
    }
}
