//! Whether a process has the database open. SQLite holds a lock on the file from its first read until it closes it; taking
//! all of the file's locks shows that nobody does, and keeps others away.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use longshore_domain::StoreError;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::BackupError;
use crate::generation::{Companion, real};

/// The database is this process's alone for as long as this lives.
#[derive(Debug)]
pub(crate) struct Sole {
    /// Nobody opens it through Longshore,
    pub(crate) companion: Companion,
    /// and nobody through SQLite. `None` where there is no file.
    _file: Option<File>,
}

/// Makes the database at `path`, the file itself, this process's alone. The process must not have it open through SQLite.
pub(crate) fn only_user(path: &Path) -> Result<Sole, BackupError> {
    let in_use = |by: String| BackupError::InUse { path: path.into(), by };
    let companion = match Companion::lock(path, std::time::Duration::ZERO) {
        Ok(Some(companion)) => companion,
        Ok(None) => {
            return Err(
                StoreError::ReadOnly(format!("nothing can be written beside {}", path.display())).into()
            );
        }
        Err(_) => return Err(in_use("another process opens, upgrades or restores it".into())),
    };
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sole { companion, _file: None }),
        Err(error) => return Err(BackupError::file("open", path)(error)),
    };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Sole { companion, _file: Some(file) }),
        Err(_) => Err(in_use(holder(&file).map_or_else(
            || "another process has it open".into(),
            |pid| format!("process {pid} has it open"),
        ))),
    }
}

/// The process that has a lock on the file, if the system tells.
fn holder(file: &File) -> Option<i32> {
    let lock = fcntl_getlk(file, &Flock::from(FlockType::WriteLock)).ok()??;
    lock.pid.map(|pid| pid.as_raw_nonzero().get())
}

/// Whether another process has the database at `path` open. The calling process must not.
pub fn has_database_in_use(path: &Path) -> bool {
    matches!(only_user(&real(path)), Err(BackupError::InUse { .. }))
}
