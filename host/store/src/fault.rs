//! Why a command did not succeed, and how that is told to callers.

use longshore_domain::{IllegalTransition, StoreError};
use rusqlite::{ErrorCode, ffi};

/// A command failed; nothing of it may be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite said no.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// The rows contradict each other or the rules: a bug of ours, or a damaged file.
    #[error("{0}")]
    Contradiction(String),
    /// The files of the database are no longer where they were.
    #[error("{0}")]
    Replaced(String),
    /// The database was found damaged before.
    #[error("a part of it was found damaged, so nothing is written any more")]
    Damaged,
    /// The caller asked for a page that no page leads to.
    #[error("no page of tasks ended there")]
    NoSuchPage,
}

impl Fault {
    /// Whether the machine failed rather than one command, so that the next command would fare alike.
    pub(crate) fn is_of_the_machine(&self) -> bool {
        match self {
            Self::Sql(error) => !matches!(store_error(error), StoreError::Broken(_) | StoreError::Full(_)),
            Self::Replaced(_) | Self::Damaged => true,
            Self::Contradiction(_) | Self::NoSuchPage => false,
        }
    }
}

impl From<IllegalTransition> for Fault {
    fn from(illegal: IllegalTransition) -> Self {
        Self::Contradiction(illegal.to_string())
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => store_error(&error),
            Fault::Contradiction(what) => Self::Broken(what),
            Fault::Replaced(what) => Self::Replaced(what),
            Fault::Damaged => Self::Corrupt(fault.to_string()),
            Fault::NoSuchPage => Self::NoSuchPage,
        }
    }
}

/// What a caller is told about an error of SQLite.
pub(crate) fn store_error(error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error() else { return StoreError::Broken(error.to_string()) };
    match (code.code, code.extended_code) {
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy(error.to_string()),
        // The memory that processes share is a file, too; SQLite makes it longer before it uses it.
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full(error.to_string()),
        (_, ffi::SQLITE_READONLY_DBMOVED) => StoreError::Replaced(error.to_string()),
        (ErrorCode::ReadOnly, _) => StoreError::ReadOnly(error.to_string()),
        (ErrorCode::DatabaseCorrupt, _) => StoreError::Corrupt(error.to_string()),
        (ErrorCode::NotADatabase, _) => StoreError::NotOurs(
            "the file is not a SQLite database, or its beginning is destroyed; it was left as it is".into(),
        ),
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen, which) => {
            StoreError::Disk(format!("{error} (SQLite's code {which})"))
        }
        _ => StoreError::Broken(error.to_string()),
    }
}

/// Whether another connection was in the way, so that trying again may help.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Says that a guarded write must have changed one row.
pub(crate) fn exactly_one(changed: usize, what: &str) -> Result<(), Fault> {
    if changed == 1 {
        return Ok(());
    }
    Err(Fault::Contradiction(format!("{what} changed {changed} rows instead of one")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_did_has_a_code_of_its_own() {
        let told = |code| store_error(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).code();
        for (code, expected) in [
            (ffi::SQLITE_BUSY, "store_busy"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "store_busy"),
            (ffi::SQLITE_FULL, "storage_full"),
            (ffi::SQLITE_IOERR_SHMSIZE, "storage_full"),
            (ffi::SQLITE_IOERR_WRITE, "storage_failed"),
            (ffi::SQLITE_CANTOPEN, "storage_failed"),
            (ffi::SQLITE_READONLY, "storage_read_only"),
            (ffi::SQLITE_READONLY_DBMOVED, "database_replaced"),
            (ffi::SQLITE_CORRUPT, "database_corrupt"),
            (ffi::SQLITE_NOTADB, "database_foreign"),
            (ffi::SQLITE_CONSTRAINT_CHECK, "store_failed"),
        ] {
            assert_eq!(told(code), expected, "{code}");
        }
    }
}
