//! Whether the database can be written: tried, with nothing written.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use crate::fault::{is_busy, store_error};

/// How long a working process may keep the checkup from its turn. Its own commits take milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// Takes the turn to write and gives it back.
pub(super) fn examine(path: &Path, notes: &mut Notes<'_>) {
    // That the file or its folder is read-only is found by looking at them.
    let is_writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    if !is_writable(path)
        || !path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || is_writable(folder))
    {
        return;
    }
    if let Err(error) = take_turn(path) {
        let mend = if is_busy(&error) {
            "Close the program that holds it (`fuser` or `lsof` shows which); jobs go on by themselves then."
        } else {
            "Make room on its disk, or make the disk writable again (`dmesg` may say what it has); jobs go on by themselves."
        };
        notes.add(Finding::new(
            FindingCode::DatabaseUnwritable,
            path.display(),
            format!("Nothing can be written now: {}.", store_error(&error)),
            mend,
        ));
    }
}

fn take_turn(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // A checkup changes nothing, so the log stays where it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")
}
