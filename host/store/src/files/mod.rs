//! Artifact files in a folder of the local disk.
//!
//! ```text
//! work/TASK/ATTEMPT/NAME   while the task is not completed; each attempt writes in a folder of its own
//! artifacts/TASK/NAME      once it is completed: the folder of its last attempt, moved as a whole
//! stray/                   what a checkup found that belongs to no task, until somebody deletes it
//! ```

mod abandon;
mod artifact;
mod attempt;
mod check;
pub(crate) mod layout;
pub(crate) mod publish;
pub(crate) mod saved;
mod strays;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longshore_domain::{ArtifactFiles, AttemptFiles, AttemptRef, Look, SavedArtifact, TaskId, Unpublished};

pub(crate) use strays::set_aside;

use attempt::LocalAttempt;
use layout::Layout;

/// [`ArtifactFiles`] in a folder of the local disk.
#[derive(Clone, Debug)]
pub struct LocalFiles {
    layout: Arc<Layout>,
}

impl LocalFiles {
    /// Files below `folder`, which is created when the first is written.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { layout: Arc::new(Layout::new(folder.as_ref())) }
    }
}

impl ArtifactFiles for LocalFiles {
    fn open_attempt(
        &self,
        attempt: AttemptRef,
        resume: Option<(u32, &[SavedArtifact])>,
    ) -> io::Result<Box<dyn AttemptFiles>> {
        let mut files = LocalAttempt::new(Arc::clone(&self.layout), attempt);
        if let Some((from, artifacts)) = resume
            && !artifacts.is_empty()
        {
            files.resume(from, artifacts)?;
        }
        Ok(Box::new(files))
    }

    fn abandon(&self, attempt: AttemptRef, kept: &[SavedArtifact]) -> io::Result<()> {
        abandon::abandon(&self.layout, attempt, kept)
    }

    fn publish(&self, unpublished: &Unpublished) -> io::Result<()> {
        publish::publish(&self.layout, unpublished)
    }

    fn discard(&self, task: TaskId) -> io::Result<()> {
        layout::remove_folder(&self.layout.work_of_task(task))?;
        layout::remove_folder(&self.layout.published(task))
    }

    fn sync_discarded(&self) -> io::Result<()> {
        self.layout.sync_removed()
    }

    fn check(&self, task: TaskId, artifact: &SavedArtifact, look: Look) -> io::Result<()> {
        check::check(&self.path(task, &artifact.name), artifact, look)
    }

    fn read(&self, task: TaskId, artifact: &SavedArtifact) -> io::Result<Vec<u8>> {
        check::read(&self.path(task, &artifact.name), artifact)
    }

    fn path(&self, task: TaskId, name: &str) -> PathBuf {
        self.layout.published(task).join(name)
    }
}
