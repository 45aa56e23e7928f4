//! Notices that the files of the database were deleted or replaced under a running process. SQLite would go on writing
//! into files that have no name any more, and what it acknowledged would be gone with the process.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use longshore_domain::StoreError;

use crate::fault::Fault;
use crate::generation::Content;

/// The files of an open database, as they were when it was opened.
#[derive(Debug)]
pub(crate) struct Identity {
    database: Known,
    /// The write-ahead log and the memory that processes share. They come and go with the first and the last process that
    /// has the database open, so they are the same for as long as this one has it open.
    companions: Vec<Known>,
    /// By what the file's content is recognised, where that is known.
    content: Option<Content>,
    /// Whether SQLite found the database damaged. It says so of the pages that it reads only: a write may succeed beside
    /// them, and be as lost as they are.
    is_damaged: AtomicBool,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    /// Device and inode.
    number: (u64, u64),
}

impl Known {
    fn of(path: PathBuf) -> Option<Self> {
        let number = number(&path)?;
        Some(Self { path, number })
    }

    fn check(&self) -> Result<(), Fault> {
        let path = self.path.display();
        match number(&self.path) {
            Some(number) if number == self.number => Ok(()),
            Some(_) => Err(Fault::Replaced(format!("another file is at {path}"))),
            None => Err(Fault::Replaced(format!("there is no file at {path}"))),
        }
    }
}

impl Identity {
    /// The files of the database at `path`, which is open. None where it is in memory.
    pub(crate) fn of(path: &Path, content: Option<Content>) -> Option<Self> {
        // SQLite puts the companions beside the file itself, not beside a link to it.
        let path = fs::canonicalize(path).ok()?;
        let companions =
            ["-wal", "-shm"].into_iter().filter_map(|end| Known::of(beside(&path, end))).collect();
        Some(Self { database: Known::of(path)?, companions, content, is_damaged: AtomicBool::new(false) })
    }

    /// The database file.
    pub(crate) fn database(&self) -> &Path {
        &self.database.path
    }

    /// The length of the write-ahead log.
    pub(crate) fn log_bytes(&self) -> u64 {
        fs::metadata(beside(&self.database.path, "-wal")).map_or(0, |log| log.len())
    }

    /// Notes what went wrong, for nothing is to be acknowledged once a database was found damaged.
    pub(crate) fn note(&self, error: &StoreError) {
        if matches!(error, StoreError::Corrupt(_) | StoreError::NotOurs(_)) {
            self.is_damaged.store(true, Ordering::Release);
        }
    }

    /// Fails when what is written now might be found by nobody.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.is_damaged.load(Ordering::Acquire) {
            return Err(Fault::Damaged);
        }
        self.check_database()?;
        self.companions.iter().try_for_each(Known::check)
    }

    /// The same for the database file alone, for those who only read.
    pub(crate) fn check_database(&self) -> Result<(), Fault> {
        self.database.check()?;
        self.content.as_ref().map_or(Ok(()), Content::check)
    }
}

/// A file that SQLite keeps beside the database.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Whether there is nothing in the file, or no file.
pub(crate) fn is_empty(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |file| file.len() == 0)
}

fn number(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
