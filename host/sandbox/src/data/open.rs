//! Opening a source: a connection that reads, makes no file, and locks nobody out.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::data::trouble;
use crate::data::vfs;

/// How long a query waits for a program that writes to the source.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Bytes of a pattern of LIKE and GLOB: what a comparison takes grows with the product of the two lengths.
const PATTERN_BYTES_MAX: i32 = 200;

/// How a connection knows what the write-ahead log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogIndex {
    /// By the index that writers share, if there is one.
    #[default]
    Shared,
    /// By an index of its own: the shared one can be of no use to a reader that cannot write to it, as before the first
    /// transaction after the log began anew is read by somebody who can.
    Own,
}

/// Opens the database at `path`. The error says what to do, without the path: where a source is, no job is told.
pub(crate) fn open(path: &Path, index: LogIndex) -> Result<Connection, String> {
    check(path)?;
    let opened = match with_index(path, index) {
        Err(error) if wants_own_index(&error) => with_index(path, LogIndex::Own),
        opened => opened,
    };
    opened.map_err(|error| trouble::explain(&error, path, None))
}

fn with_index(path: &Path, index: LogIndex) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags_and_vfs(uri(path, index), flags, vfs::register()?)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    // What a query sorts or keeps aside counts as its memory, and fills no disk.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX)?;
    // A file that is no database shows itself only when it is read.
    let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    if let Err(error) = read {
        return Err(trouble::with_header(error, &vfs::look(&connection).header));
    }
    Ok(connection)
}

/// Whether the shared index of the log is of no use to this reader.
pub(crate) fn wants_own_index(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_READONLY_CANTINIT | ffi::SQLITE_READONLY_RECOVERY))
}

/// What SQLite would do badly: it waits for a writer of a FIFO, and says nothing of why a path cannot be opened.
fn check(path: &Path) -> Result<(), String> {
    let file = std::fs::metadata(path).map_err(|error| trouble::unreadable(&error))?;
    if file.is_dir() {
        return Err("it is a directory: name the database file in it".into());
    }
    if !file.is_file() {
        return Err("it is not a regular file (a pipe, a socket or a device): name the database file".into());
    }
    rustix::fs::access(path, rustix::fs::Access::READ_OK)
        .map_err(|error| trouble::unreadable(&io::Error::from(error)))
}

/// The URI by which SQLite opens `path`, whatever characters are in it.
fn uri(path: &Path, index: LogIndex) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;

    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(byte.into());
        } else {
            let _ = write!(uri, "%{byte:02x}"); // writing to a String cannot fail
        }
    }
    uri.push_str("?mode=ro&readonly_shm=1");
    if index == LogIndex::Own {
        let _ = write!(uri, "&{}=1", vfs::PRIVATE.to_string_lossy());
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_a_uri() {
        assert_eq!(
            uri(Path::new("/a b/ü?#%.db"), LogIndex::Shared),
            "file:/a%20b/%c3%bc%3f%23%25.db?mode=ro&readonly_shm=1"
        );
        assert!(uri(Path::new("/a"), LogIndex::Own).ends_with("&longshore_private=1"));
    }
}
