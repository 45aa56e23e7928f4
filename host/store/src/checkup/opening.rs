//! Opens the database for a look: it is not made, not changed, and not waited for long.
//!
//! The file is read through SQLite only. A process that opens a database by itself and closes it again loses all locks
//! that it holds on it through SQLite, and another store of the same process might be at work on it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use longshore_domain::StoreError;
use rusqlite::{Connection, ErrorCode};

use super::finding::{Finding, FindingCode};
use super::notes;
use crate::connection::{self, ReadAccess};
use crate::generation::arrive_to_read;

/// How long a statement waits for another program.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database that is open for reading.
pub(super) struct Database {
    pub(super) connection: Connection,
    /// What the file was like when it was opened without locks, which is only right while nobody changes it.
    unlocked: Option<Stamp>,
}

/// What of a file changes when it is written.
type Stamp = (u64, Option<SystemTime>);

impl Database {
    /// Opens the database at `path`, or says why it cannot be looked at.
    pub(super) fn open(path: &Path) -> Result<Self, Finding> {
        look_at_file(path)?;
        connection::be_patient(PATIENCE);
        let _arrival = arrive_to_read(path, PATIENCE).map_err(|error| not_to_be_opened(path, &error))?;
        let opened = connection::open_reader(path, ReadAccess::Shared).and_then(probe);
        match opened {
            Ok(connection) => Ok(Self { connection, unlocked: None }),
            Err(error) if wants_to_write(&error) && log_bytes(path) == 0 => open_unlocked(path),
            Err(error) => Err(refused(path, &error)),
        }
    }

    /// Whether the database was opened in a folder that cannot be written, so that other processes were not seen.
    pub(super) fn is_unlocked(&self) -> bool {
        self.unlocked.is_some()
    }

    /// Whether what was read can be relied on.
    pub(super) fn held_still(&self, path: &Path) -> bool {
        self.unlocked.is_none_or(|before| stamp(path).ok() == Some(before) && log_bytes(path) == 0)
    }
}

/// The file in which SQLite keeps what is not in the database yet.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-wal");
    name.into()
}

fn log_bytes(path: &Path) -> u64 {
    fs::metadata(log_of(path)).map_or(0, |metadata| metadata.len())
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.len(), metadata.modified().ok()))
}

/// What can be said without opening it.
fn look_at_file(path: &Path) -> Result<(), Finding> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(path)),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if !metadata.is_file() {
        return Err(unreadable(path, &"it is no file"));
    }
    if metadata.len() == 0 && log_bytes(path) == 0 {
        return Err(Finding::new(
            FindingCode::DatabaseEmpty,
            path.display(),
            "The database is an empty file.",
            "Nothing: the host fills it when it starts. If there were jobs, put a backup in its place before that.",
        ));
    }
    Ok(())
}

fn missing(path: &Path) -> Finding {
    if log_bytes(path) > 0 {
        return Finding::new(
            FindingCode::DatabaseLost,
            path.display(),
            "The database is gone, but its write-ahead log is there.",
            "Put the database back beside its log, or a backup in place of both, before the host starts.",
        );
    }
    Finding::new(
        FindingCode::DatabaseMissing,
        path.display(),
        "There is no database yet.",
        "Nothing: the host makes it when it starts. If there were jobs, check the path in longshore.toml.",
    )
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Finding {
    Finding::new(
        FindingCode::DatabaseUnreadable,
        path.display(),
        format!("The database cannot be opened: {why}."),
        "Check the path in longshore.toml, and that this user may read the file and write its folder.",
    )
}

/// The first read, since opening alone does not look into the file.
fn probe(connection: Connection) -> rusqlite::Result<Connection> {
    // A damaged or foreign file must not make SQLite run what it brings along, nor believe what its pages say.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether SQLite was kept from making the files beside the database that it reads with.
fn wants_to_write(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Opens a database in a folder that cannot be written and that has no log beside it.
fn open_unlocked(path: &Path) -> Result<Database, Finding> {
    let before = stamp(path).map_err(|error| unreadable(path, &error))?;
    let connection = connection::open_reader(path, ReadAccess::Immutable)
        .and_then(probe)
        .map_err(|error| refused(path, &error))?;
    Ok(Database { connection, unlocked: Some(before) })
}

fn not_to_be_opened(path: &Path, error: &StoreError) -> Finding {
    match error {
        StoreError::Replaced(what) => Finding::new(
            FindingCode::DatabaseReplaced,
            path.display(),
            format!("{what}. It was not opened, because SQLite would play the log back into it."),
            "Put the database back that was there; or stop all Longshore processes and run `longshore restore FILE` with a backup. \
             It keeps what it replaces.",
        ),
        other => Finding::new(
            FindingCode::DatabaseBusy,
            path.display(),
            format!("The database was not opened: {other}."),
            "Run the checkup again.",
        ),
    }
}

fn refused(path: &Path, error: &rusqlite::Error) -> Finding {
    if crate::fault::is_busy(error) {
        return notes::busy(&path.display().to_string(), error);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Finding::new(
            FindingCode::DatabaseForeign,
            path.display(),
            "The file is no SQLite database, or its beginning is destroyed.",
            "Check the path in longshore.toml; if it is right, put a backup in place of the file.",
        ),
        Some(ErrorCode::DatabaseCorrupt) => Finding::new(
            FindingCode::DatabaseCorrupt,
            path.display(),
            format!("SQLite cannot read the database: {error}."),
            super::database::RESTORE,
        ),
        _ => unreadable(path, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_opened_without_locks_tells_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's 100% ?#.db");
        crate::fill_history(&path, 3).unwrap();
        let database = open_unlocked(&path).unwrap();
        let tasks: i64 =
            database.connection.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).unwrap();
        assert_eq!(tasks, 3);
        assert!(database.held_still(&path));
        assert!(!log_of(&path).exists(), "it left something behind");
        crate::fill_history(&path, 300).unwrap();
        assert!(!database.held_still(&path));
    }
}
