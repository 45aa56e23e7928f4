//! The artifact files of one running attempt.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use longshore_domain::{AttemptFiles, AttemptRef, SavedArtifact};

use super::artifact::ArtifactFile;
use super::layout::{Layout, at, check_name, remove_folder, sync_folder};

/// The artifact files of one running attempt. An attempt that has none touches no folder.
pub(super) struct LocalAttempt {
    layout: Arc<Layout>,
    attempt: AttemptRef,
    /// The attempt's folder, once it is made.
    folder: Option<PathBuf>,
    /// By handle.
    artifacts: Vec<ArtifactFile>,
    /// Whether the folder itself may not be on disk.
    folder_is_new: bool,
    /// Whether the folder got files that may not be among its entries on disk.
    files_are_new: bool,
    sealed: bool,
}

impl LocalAttempt {
    pub(super) fn new(layout: Arc<Layout>, attempt: AttemptRef) -> Self {
        Self {
            layout,
            attempt,
            folder: None,
            artifacts: Vec::new(),
            folder_is_new: false,
            files_are_new: false,
            sealed: false,
        }
    }

    /// Copies what attempt number `from` saved.
    pub(super) fn resume(&mut self, from: u32, saved: &[SavedArtifact]) -> io::Result<()> {
        if from == self.attempt.number {
            return Err(invalid(format!("attempt {from} cannot resume from itself")));
        }
        for artifact in saved {
            check_name(&artifact.name)?;
        }
        let source = self.layout.work_of_attempt(AttemptRef { task: self.attempt.task, number: from });
        let folder = self.folder()?;
        for artifact in saved {
            self.artifacts.push(ArtifactFile::copy(&folder, &source, artifact)?);
            self.files_are_new = true;
        }
        Ok(())
    }

    /// The attempt's folder, made when it is first needed.
    fn folder(&mut self) -> io::Result<PathBuf> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let folder = self.layout.create_work(self.attempt)?;
        self.folder_is_new = true;
        self.folder = Some(folder.clone());
        Ok(folder)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        for artifact in &mut self.artifacts {
            artifact.sync()?;
        }
        let Some(folder) = &self.folder else { return Ok(()) };
        if self.files_are_new {
            sync_folder(folder)?;
            self.files_are_new = false;
        }
        if self.folder_is_new {
            self.layout.sync_work(self.attempt)?;
            self.folder_is_new = false;
        }
        Ok(())
    }

    fn artifact(&mut self, handle: usize) -> io::Result<&mut ArtifactFile> {
        self.artifacts
            .get_mut(handle)
            .ok_or_else(|| invalid(format!("there is no artifact with handle {handle}")))
    }

    fn refuse_when_sealed(&self) -> io::Result<()> {
        if self.sealed { Err(invalid("the artifacts are finished".into())) } else { Ok(()) }
    }
}

impl AttemptFiles for LocalAttempt {
    fn open(&mut self, name: &str, media_type: &str) -> io::Result<usize> {
        self.refuse_when_sealed()?;
        check_name(name)?;
        if let Some(handle) = self.artifacts.iter().position(|artifact| artifact.name == name) {
            return Ok(handle);
        }
        let folder = self.folder()?;
        self.artifacts.push(ArtifactFile::create(&folder, name, media_type)?);
        self.files_are_new = true;
        Ok(self.artifacts.len() - 1)
    }

    fn position(&self, handle: usize) -> u64 {
        self.artifacts.get(handle).map_or(0, ArtifactFile::length)
    }

    fn write(&mut self, handle: usize, bytes: &[u8]) -> io::Result<()> {
        self.refuse_when_sealed()?;
        self.artifact(handle)?.write(bytes)
    }

    fn totals(&self) -> (u32, u64) {
        (self.artifacts.len() as u32, self.artifacts.iter().map(ArtifactFile::length).sum())
    }

    fn sync(&mut self) -> io::Result<Vec<SavedArtifact>> {
        self.sync_all()?;
        Ok(self.artifacts.iter().map(ArtifactFile::record).collect())
    }

    fn seal(&mut self) -> io::Result<Vec<SavedArtifact>> {
        self.sync_all()?;
        self.sealed = true;
        Ok(self.artifacts.iter().map(ArtifactFile::record).collect())
    }

    fn drop_earlier(&mut self) -> io::Result<()> {
        if self.attempt.number == 1 {
            return Ok(());
        }
        let folder = self.layout.work_of_task(self.attempt.task);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| at("read the folder", &folder, &error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| at("read the folder", &folder, &error))?;
            let number = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if number.is_some_and(|number| number < self.attempt.number) {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
