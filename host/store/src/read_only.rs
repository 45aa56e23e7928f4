//! Databases that can be read and not written: says so, and reads them as far as SQLite can.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use longshore_domain::StoreError;

use crate::StoreOptions;
use crate::connection::{self, ReadAccess, open_reader};
use crate::fault::store_error;
use crate::generation::arrive_to_read;
use crate::identity::{Identity, beside, is_empty};
use crate::migrations::refuse_unknown;
use crate::readers::Readers;

/// The error of a database that could not be opened. SQLite says of most read-only files only that it cannot open them.
pub(crate) fn explained(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Disk(what) => why_not_writable(path).map_or(StoreError::Disk(what), StoreError::ReadOnly),
        other => other,
    }
}

/// Why nothing can be written in the folder of the file; none when it can, or nobody knows.
fn why_not_writable(path: &Path) -> Option<String> {
    // Not the file itself: a process that opens and closes it loses the locks that it holds on it through SQLite.
    let folder = path.parent()?;
    let probe = beside(path, "-probe");
    match File::create_new(&probe) {
        Ok(_) => {
            let _ = fs::remove_file(probe);
            None
        }
        Err(error) => matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
            .then(|| format!("the folder {}: {error}", folder.display())),
    }
}

/// Readers of a file that cannot be written, for the reason `why`.
pub(crate) fn readers(path: &Path, options: &StoreOptions, why: &str) -> Result<Readers, StoreError> {
    connection::be_patient(options.busy_timeout);
    let _arrival = arrive_to_read(path, options.busy_timeout)?;
    let access = if can_read(path, ReadAccess::Shared)? {
        ReadAccess::Shared
    } else if is_empty(&beside(path, "-wal")) && can_read(path, ReadAccess::Immutable)? {
        ReadAccess::Immutable
    } else {
        return Err(StoreError::ReadOnly(format!(
            "{why}; and what was written last can only be read where the folder can be written"
        )));
    };
    tracing::warn!("the task database is read-only, and so it is only read ({why})");
    Readers::start(path, options, Arc::new(Identity::of(path, None)), access)
}

/// Whether the file can be read that way. An error is one that any way has.
fn can_read(path: &Path, access: ReadAccess) -> Result<bool, StoreError> {
    let read = open_reader(path, access)
        .map_err(|error| store_error(&error))
        .and_then(|connection| refuse_unknown(&connection));
    match read {
        Ok(()) => Ok(true),
        // What a folder is like in which SQLite can put nothing.
        Err(StoreError::Disk(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
