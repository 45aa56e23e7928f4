//! Where artifact files are, and how folders are made and removed so that it lasts.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use longshore_domain::{AttemptRef, FileError, TaskId};

use crate::private::create_private_folder;

/// Longest name of a file on the usual file systems, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The folders below the data folder.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The data folder itself.
    data: PathBuf,
    work: PathBuf,
    artifacts: PathBuf,
    stray: PathBuf,
    /// Whether `work` is known to be on disk.
    work_is_durable: AtomicBool,
    /// Whether `artifacts` is.
    artifacts_is_durable: AtomicBool,
}

impl Layout {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            data: folder.to_owned(),
            work: folder.join("work"),
            artifacts: folder.join("artifacts"),
            stray: folder.join("stray"),
            work_is_durable: AtomicBool::new(false),
            artifacts_is_durable: AtomicBool::new(false),
        }
    }

    /// Folder of the attempts of all tasks.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// Folder of what is published of all tasks.
    pub(crate) fn artifacts(&self) -> &Path {
        &self.artifacts
    }

    /// Folder of what was found and belongs to no task.
    pub(crate) fn stray(&self) -> &Path {
        &self.stray
    }

    /// Folder of all attempts of a task.
    pub(crate) fn work_of_task(&self, task: TaskId) -> PathBuf {
        self.work.join(task.to_string())
    }

    /// Folder of one attempt.
    pub(crate) fn work_of_attempt(&self, attempt: AttemptRef) -> PathBuf {
        self.work_of_task(attempt.task).join(attempt.number.to_string())
    }

    /// Final folder of a task's artifacts.
    pub(crate) fn published(&self, task: TaskId) -> PathBuf {
        self.artifacts.join(task.to_string())
    }

    /// Makes an empty folder for an attempt. One that is there already is a leftover: numbers are used once.
    pub(crate) fn create_work(&self, attempt: AttemptRef) -> io::Result<PathBuf> {
        let folder = self.work_of_attempt(attempt);
        remove_folder(&folder)?;
        let created = match self.create(&folder) {
            // An attempt that is over may have removed the folder of the task between the two steps of this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(&folder),
            created => created,
        };
        created.map_err(|error| at("create the folder", &folder, &error))?;
        Ok(folder)
    }

    /// Makes a folder below the data folder, and that one for this user alone. Those in it need no such mode, and have
    /// none, so that an operator can open the data folder to others and they find what they may read.
    fn create(&self, folder: &Path) -> io::Result<()> {
        create_private_folder(&self.data)?;
        fs::create_dir_all(folder)
    }

    /// Brings the entries of a new attempt's folder, and of the folders above it, to disk.
    pub(crate) fn sync_work(&self, attempt: AttemptRef) -> io::Result<()> {
        sync_folder(&self.work_of_task(attempt.task))?;
        sync_folder(&self.work)?;
        if !self.work_is_durable.load(Ordering::Acquire) {
            sync_parent(&self.work)?;
            self.work_is_durable.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Brings to disk that folders of tasks are gone.
    pub(super) fn sync_removed(&self) -> io::Result<()> {
        for folder in [&self.work, &self.artifacts] {
            if folder.is_dir() {
                sync_folder(folder)?;
            }
        }
        Ok(())
    }

    /// Brings to disk that the work folder of a task is gone.
    pub(super) fn sync_work_removed(&self) -> io::Result<()> {
        sync_folder(&self.work)
    }

    /// The folder of what is published, made when it is not there.
    pub(crate) fn create_artifacts(&self) -> io::Result<&Path> {
        let folder = self.artifacts.as_path();
        // Also when it is there: whoever made it may have been killed before it was on disk.
        if !self.artifacts_is_durable.load(Ordering::Acquire) {
            self.create(folder).map_err(|error| at("create the folder", folder, &error))?;
            sync_parent(folder)?;
            self.artifacts_is_durable.store(true, Ordering::Release);
        }
        Ok(folder)
    }
}

/// Refuses a name that is not that of a plain file. Callers have checked it; a mistake of theirs must not become a
/// file elsewhere.
pub(crate) fn check_name(name: &str) -> io::Result<()> {
    let plain = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name != "."
        && name != ".."
        && !name.contains(['/', '\\', '\0']);
    if plain {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{shown:?} is not a plain file name")))
}

/// Brings the entries of a folder to disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| at("sync the folder", folder, &error))
}

fn sync_parent(folder: &Path) -> io::Result<()> {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// Removes a folder and what is in it; it is well when there is none.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove the folder", folder, &error)),
        _ => Ok(()),
    }
}

/// The error with what was tried and where.
pub(crate) fn at(what: &str, path: &Path, error: &io::Error) -> io::Error {
    FileError::new(format!("cannot {what}"), path, format!(": {error}")).of_kind(error.kind())
}
