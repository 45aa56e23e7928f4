//! What is wrong with a source, and what to do about it: SQLite's own words say neither.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode, ffi};

use crate::data::open::BUSY_WAIT;

/// The first bytes of every database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Where the header of a database says by which version of the format it is read, and the highest that is known.
const READ_VERSION: usize = 19;
const READ_VERSION_MAX: u8 = 2;

/// Why a file cannot be read, as the system says it.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no file: put the database there, or correct its path in longshore.toml".into(),
        io::ErrorKind::PermissionDenied => {
            "permission denied: let the user that Longshore runs as read the file and enter the directories above it".into()
        }
        _ => format!("it cannot be read: {error}"),
    }
}

/// An error of a file that is no database, with what its `header` says of it.
pub(crate) fn with_header(error: Error, header: &[u8; 20]) -> Error {
    if error.sqlite_error_code() != Some(ErrorCode::NotADatabase) {
        return error;
    }
    let is_newer = header.starts_with(MAGIC) && header[READ_VERSION] > READ_VERSION_MAX;
    let why = if is_newer {
        format!(
            "its header asks for version {} of the file format, and this Longshore reads up to {READ_VERSION_MAX}: \
             export it with the program that wrote it, or use a newer Longshore",
            header[READ_VERSION]
        )
    } else if header.starts_with(MAGIC) {
        "its header is damaged: restore it from a backup, or try `sqlite3 FILE .recover`".into()
    } else {
        "it is not a SQLite database, or it is encrypted: name a SQLite file, or decrypt it into one first"
            .into()
    };
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(why))
}

/// What went wrong and what to do, without the path of the source. `said` is what SQLite says, where that is known already.
pub(crate) fn explain(error: &Error, path: &Path, said: Option<String>) -> String {
    let said = || said.unwrap_or_else(|| words(error));
    let name = |suffix: &str| {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(suffix);
        name.to_string_lossy().into_owned()
    };
    let Some(code) = error.sqlite_error().map(|error| error.extended_code) else { return said() };
    match code {
        ffi::SQLITE_READONLY_ROLLBACK => format!(
            "a program that wrote to it was interrupted and left a hot journal ({}), which only a program that may write can \
             roll back; open the database once as its owner: sqlite3 {} 'PRAGMA user_version'",
            name("-journal"),
            name("")
        ),
        ffi::SQLITE_READONLY_CANTINIT | ffi::SQLITE_READONLY_RECOVERY | ffi::SQLITE_READONLY_CANTLOCK => {
            format!(
                "its write-ahead log ({}) has to be recovered by a program that may write; open the database once as its owner: \
             sqlite3 {} 'PRAGMA wal_checkpoint'",
                name("-wal"),
                name("")
            )
        }
        _ => match code & 0xff {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => format!(
                "another program has locked it for writing, and still did after {} s; try again when that program has ended \
                 its transaction, or have it use WAL mode, in which readers do not wait",
                BUSY_WAIT.as_secs()
            ),
            ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM | ffi::SQLITE_AUTH if !is_statement(error) => {
                cannot_open(path, &name)
            }
            ffi::SQLITE_NOTADB => match error {
                Error::SqliteFailure(_, Some(why)) => why.clone(),
                _ => said(),
            },
            ffi::SQLITE_CORRUPT => format!(
                "the database is damaged ({}); `sqlite3 {} 'PRAGMA integrity_check'` says where; restore it from a backup, or \
                 try `.recover`",
                said(),
                name("")
            ),
            ffi::SQLITE_IOERR => format!("the disk or the file system failed: {}", said()),
            ffi::SQLITE_ERROR => of_schema(said()),
            _ => said(),
        },
    }
}

/// Whether an error is one of a statement rather than of a file.
fn is_statement(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied)
}

/// Why a database cannot be opened that can be read itself: what belongs to it cannot.
fn cannot_open(path: &Path, name: &dyn Fn(&str) -> String) -> String {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = path.as_os_str().to_os_string();
        beside.push(suffix);
        let beside = PathBuf::from(beside);
        let is_there = std::fs::symlink_metadata(&beside).is_ok();
        if is_there && rustix::fs::access(&beside, rustix::fs::Access::READ_OK).is_err() {
            return format!(
                "{} beside it cannot be read, and the database not without it; let the user that Longshore runs as read it, too",
                name(suffix)
            );
        }
    }
    match std::fs::metadata(path) {
        Err(error) => unreadable(&error),
        Ok(_) => {
            "it cannot be opened: see that Longshore may read it, and that the process may open more files"
                .into()
        }
    }
}

/// What the schema of a source needs and this host has not.
fn of_schema(said: String) -> String {
    let advice = if said.starts_with("unsupported file format") {
        "a newer SQLite wrote the schema: use a newer Longshore, or export the data with the program that wrote it"
    } else if said.starts_with("no such module: ") {
        "the table is a virtual one of an extension that is not part of this host: read another table, or have the owner of \
         the database copy it into an ordinary one"
    } else if said.starts_with("no such collation sequence: ") || said.starts_with("unknown collation: ") {
        "the program that made the database defines this collation, and this host has only BINARY, NOCASE and RTRIM: order or \
         compare with COLLATE BINARY, or read a table that does not use it"
    } else if said.starts_with("no such function: ") || said.starts_with("unknown function: ") {
        "the program that made the database may define it; this host has SQLite's own functions: read the tables under the \
         view or the generated column"
    } else if said.starts_with("unsafe use of ") {
        "a view or a generated column uses what may be used in a job's own query only: read the tables under it"
    } else {
        return said;
    };
    format!("{said}; {advice}")
}

/// What SQLite says.
pub(crate) fn words(error: &Error) -> String {
    match error {
        Error::SqlInputError { msg, offset, .. } if *offset >= 0 => {
            format!("{msg} (at byte {offset} of the statement)")
        }
        Error::SqlInputError { msg, .. } => msg.clone(),
        // SQLite's own words may have the path of the file in them, which is nothing for a job; those of its code have not.
        Error::SqliteFailure(cause, _) if cause.code == ErrorCode::CannotOpen => cause.to_string(),
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::InvalidParameterCount(given, wanted) => {
            format!("{given} parameters were given, the statement has {wanted}")
        }
        Error::MultipleStatement => "give one statement, not several".into(),
        other => other.to_string(),
    }
}
