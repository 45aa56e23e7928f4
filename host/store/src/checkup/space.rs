//! Pages of the database that hold nothing, and getting rid of them.

use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use crate::StoreOptions;
use crate::backup::{BackupError, Room, has_database_in_use};
use crate::connection::open_writer;
use crate::fault::Fault;
use crate::verbs::space::Space;

/// Free pages that are worth a note, together.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// Looks how much of the database is free.
pub(super) fn examine(c: &Connection, subject: &str, notes: &mut Notes<'_>) -> Result<(), Fault> {
    if let Some(finding) = about(subject, &Space::of(c)?) {
        notes.add(finding);
    }
    Ok(())
}

fn about(subject: &str, space: &Space) -> Option<Finding> {
    let (free, all) = (space.free_bytes(), space.bytes());
    if free < FREE_BYTES_MIN || free < all / 2 {
        return None;
    }
    let message = format!("{} MiB of the {} MiB of the database hold nothing.", free >> 20, all >> 20);
    Some(if space.is_incremental {
        let fix = "Nothing: a process that works gives them back a few at a time, or puts new rows there.";
        Finding::new(FindingCode::FreePages, subject, message, fix)
    } else {
        let fix = format!(
            "Writes the database anew without them, which needs {} MiB for a while and that no process has it open. From then on \
             the host gives free pages back.",
            (all - free) >> 19
        );
        Finding::new(FindingCode::FreePages, subject, message, fix).fixable()
    })
}

/// Writes the database anew, if nobody has it open; this process must not.
pub(super) fn rewrite(path: &Path, space: &Space) -> io::Result<()> {
    if has_database_in_use(path) {
        return Err(io::Error::other("another process has the database open; end it first"));
    }
    // Once as a temporary file, once in the log.
    Room::check(path, (space.bytes() - space.free_bytes()) * 2)
        .map_err(|error: BackupError| io::Error::new(io::ErrorKind::StorageFull, error.to_string()))?;
    let rewritten = open_writer(path, &StoreOptions::default()).and_then(|connection| {
        connection.execute_batch("PRAGMA temp_store = FILE; PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
    });
    rewritten.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_that_is_free_is_told_and_who_gives_it_back() {
        let space = |free, incremental| Space {
            page_bytes: 4_096,
            pages: 100_000,
            free,
            is_incremental: incremental,
        };
        assert_eq!(about("db", &space(49_999, false)), None);
        assert!(about("db", &space(50_001, false)).unwrap().fixable);
        assert!(!about("db", &space(50_001, true)).unwrap().fixable);
    }
}
