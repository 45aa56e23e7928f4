//! Why there is no backup, or why it was not restored.

use std::io;
use std::path::{Path, PathBuf};

use longshore_domain::StoreError;

/// Why there is no backup, or why it was not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database, or the copy of it, could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something under the name of the backup.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// The backup cannot be there.
    #[error("{}: {why}", .path.display())]
    Target {
        /// Where it was to be.
        path: PathBuf,
        /// Why it cannot.
        why: String,
    },
    /// What is to be restored is no backup, or a damaged one.
    #[error("{} cannot be restored: {why}", .path.display())]
    Invalid {
        /// What was to be restored.
        path: PathBuf,
        /// Why it cannot.
        why: String,
    },
    /// Another process has the database open.
    #[error("the database {} is in use: {by}", .path.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// By whom.
        by: String,
    },
    /// The disk has too little room.
    #[error("{} needs {needed} bytes, and its disk has {free} left", .path.display())]
    NoRoom {
        /// What was to be written.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that there are.
        free: u64,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BackupError {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, path: path.into(), source }
    }

    /// The stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Exists(_) => "backup_exists",
            Self::Target { .. } => "backup_target_invalid",
            Self::Invalid { .. } => "backup_invalid",
            Self::InUse { .. } => "database_in_use",
            Self::NoRoom { .. } => "storage_full",
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => "storage_full",
            Self::File { .. } => "storage_failed",
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.advice(),
            Self::Exists(_) => Some("name another file, or pass --force to replace it"),
            Self::Target { .. } => Some("name a new file outside of the project's data"),
            Self::Invalid { .. } => {
                Some("nothing was changed; `longshore backup FILE` makes what can be restored")
            }
            Self::InUse { .. } => Some(
                "end every process of the project, then run the command again; `longshore doctor` names a worker that stayed behind",
            ),
            Self::NoRoom { .. } => Some("make room, or name a file on another disk"),
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room, or name a file on another disk")
            }
            Self::File { .. } => None,
        }
    }
}
