//! The artifact files of one running attempt.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use longshore_domain::{AttemptFiles, AttemptRef, SavedArtifact};

use super::artifact::ArtifactFile;
use super::layout::{Layout, at, check_name, remove_folder, sync_folder};
use super::saved::source;

/// Files of an attempt's artifacts that are open at once. One more closes that which was not used for longest: a process has
/// only so many for all that run in it.
const OPEN_FILES_MAX: usize = 8;

/// The number of no attempt, for the folder of one that a restored backup undid.
const UNDONE: u32 = 0;

/// The artifact files of one running attempt. An attempt that has none touches no folder.
pub(super) struct LocalAttempt {
    layout: Arc<Layout>,
    attempt: AttemptRef,
    /// The attempt's folder, once it is made.
    folder: Option<PathBuf>,
    /// By handle.
    artifacts: Vec<ArtifactFile>,
    /// Handles of those whose files are open, the one last used at the end.
    open: VecDeque<usize>,
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
            open: VecDeque::new(),
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
        let sources = self.sources(from, saved)?;
        let folder = self.folder()?;
        for (artifact, source) in saved.iter().zip(&sources) {
            let copy = ArtifactFile::copy(&folder, source, artifact)?;
            self.add(copy)?;
        }
        Ok(())
    }

    /// Where that is which attempt number `from` saved. A folder with this attempt's number is of a past that a restored
    /// backup undid; if it is the one that has it, it is kept until the next save.
    fn sources(&self, from: u32, saved: &[SavedArtifact]) -> io::Result<Vec<PathBuf>> {
        let AttemptRef { task, number } = self.attempt;
        let (own, undone) = (
            self.layout.work_of_attempt(self.attempt),
            self.layout.work_of_attempt(AttemptRef { task, number: UNDONE }),
        );
        let find = |artifact| source(&self.layout, AttemptRef { task, number: from }, artifact);
        let mut sources: Vec<PathBuf> = saved.iter().map(find).collect();
        if number != UNDONE && sources.iter().any(|source| source.starts_with(&own)) {
            remove_folder(&undone)?;
            fs::rename(&own, &undone).map_err(|error| at("keep the folder", &own, &error))?;
            for source in &mut sources {
                if let Ok(name) = source.strip_prefix(&own) {
                    *source = undone.join(name);
                }
            }
        }
        Ok(sources)
    }

    fn add(&mut self, artifact: ArtifactFile) -> io::Result<usize> {
        let handle = self.artifacts.len();
        self.artifacts.push(artifact);
        self.files_are_new = true;
        self.used(handle)?;
        Ok(handle)
    }

    /// Notes that the file of an artifact may have been used, and closes another if that makes too many.
    fn used(&mut self, handle: usize) -> io::Result<()> {
        if self.open.back() == Some(&handle) || !self.artifact(handle)?.is_open() {
            return Ok(());
        }
        self.open.retain(|open| *open != handle);
        self.open.push_back(handle);
        if self.open.len() > OPEN_FILES_MAX
            && let Some(longest) = self.open.pop_front()
        {
            self.artifact(longest)?.close()?;
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
        for handle in 0..self.artifacts.len() {
            self.artifact(handle)?.sync()?;
            self.used(handle)?;
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
        let new = ArtifactFile::create(&folder, name, media_type)?;
        self.add(new)
    }

    fn position(&self, handle: usize) -> u64 {
        self.artifacts.get(handle).map_or(0, ArtifactFile::length)
    }

    fn write(&mut self, handle: usize, bytes: &[u8]) -> io::Result<()> {
        self.refuse_when_sealed()?;
        self.artifact(handle)?.write(bytes)?;
        self.used(handle)
    }

    fn clear(&mut self, handle: usize) -> io::Result<()> {
        self.refuse_when_sealed()?;
        self.artifact(handle)?.clear()?;
        self.used(handle)
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
