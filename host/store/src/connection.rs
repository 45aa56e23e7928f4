//! Opens connections, all set up alike, and waits for other processes.

use std::cell::Cell;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::StoreOptions;
use crate::fault::is_busy;

/// Pages in the write-ahead log after which they are moved to the database file, and the log begins anew. While the log
/// grows, each flush also has to bring its new length to disk, which takes as long as the rest of a small commit; so it
/// should soon have its full length. At SQLite's own 1,000 pages a large history costs throughput, because each move
/// writes pages that change again at once; 4,000 are enough against that, and are reached after some 300 tasks.
const CHECKPOINT_PAGES: u32 = 4_000;

/// Size to which the write-ahead log's file is cut after an unusual growth.
const WAL_BYTES_KEPT: u32 = 32 << 20;

/// Page caches, in KiB. They are small because the operating system caches the file too, and a process that only
/// serves one agent should stay small.
const WRITER_CACHE_KIB: u32 = 8 * 1024;
const READER_CACHE_KIB: u32 = 1024;

/// Prepared statements that a connection keeps: more than there are.
const STATEMENTS_KEPT: usize = 128;

thread_local! {
    /// How long statements of this thread wait for other processes.
    static PATIENCE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// When this thread last waited for other processes: from when until when.
    static HELD_UP: Cell<Option<(Instant, Instant)>> = const { Cell::new(None) };
}

/// Waits with less than that between them are one: whoever is refused tries again at once.
const ONE_WAIT: Duration = Duration::from_secs(1);

/// How long this thread was kept from writing since `asked`. A lease that is asked for lasts that much longer: whoever waited
/// for another program for longer than a lease would be given one that is over.
pub(crate) fn held_up(asked: Instant) -> Duration {
    HELD_UP.get().map_or(Duration::ZERO, |(since, until)| until.saturating_duration_since(since.max(asked)))
}

/// Notes that this thread waited for others from `since` until now.
fn note_wait(since: Instant) {
    let since = match HELD_UP.get() {
        Some((earlier, until)) if since.saturating_duration_since(until) < ONE_WAIT => earlier,
        _ => since,
    };
    HELD_UP.set(Some((since, Instant::now())));
}

/// Sets how long statements of this thread wait for other processes.
pub(crate) fn be_patient(patience: Duration) {
    PATIENCE.set(patience);
}

/// Opens the connection that writes. It may create the file.
pub(crate) fn open_writer(path: &Path, options: &StoreOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    set_up_writer(Connection::open_with_flags(path, flags)?, options)
}

/// As [`open_writer`], on a database in memory, which others of this process open as `file:NAME?mode=memory&cache=shared`.
pub(crate) fn open_in_memory(name: &str, options: &StoreOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE
        | OpenFlags::SQLITE_OPEN_URI;
    let uri = format!("file:{}?mode=memory&cache=shared", in_uri(Path::new(name)));
    set_up_writer(Connection::open_with_flags(uri, flags)?, options)
}

fn set_up_writer(mut connection: Connection, options: &StoreOptions) -> rusqlite::Result<Connection> {
    connection.busy_handler(Some(wait_for_others))?;
    // Only a new database takes it, so that free pages can be given back; on another it would be a write.
    if connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))? == 0 {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    use_write_ahead_log(&connection)?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {WAL_BYTES_KEPT};
         PRAGMA cache_size = -{WRITER_CACHE_KIB};
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON;",
        options.synchronous.pragma()
    ))?;
    prepare_once(&connection)?;
    Ok(connection)
}

/// What a connection that only reads may leave beside the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAccess {
    /// It takes its part in what the processes of a project share.
    Shared,
    /// Nothing: the folder is read-only, and nobody changes the file meanwhile.
    Immutable,
}

/// Opens a connection that only reads. The file must be there and set up.
pub(crate) fn open_reader(path: &Path, access: ReadAccess) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let (path, flags) = match access {
        ReadAccess::Shared => (path.to_owned(), flags),
        ReadAccess::Immutable => {
            (format!("file:{}?immutable=1", in_uri(path)).into(), flags | OpenFlags::SQLITE_OPEN_URI)
        }
    };
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(wait_for_others))?;
    connection.execute_batch(&format!(
        "PRAGMA cache_size = -{READER_CACHE_KIB};
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;"
    ))?;
    prepare_once(&connection)?;
    Ok(connection)
}

/// A path as SQLite reads it in a URI.
fn in_uri(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            other => uri.extend(format!("%{other:02x}").chars()),
        }
    }
    uri
}

/// Lets a statement be prepared once. Without the stability guarantee SQLite prepares a statement again for each use
/// when a parameter might bear on its plan, and beside partial indexes nearly every one might: a read of one task took
/// six times as long.
fn prepare_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

/// Puts the file into WAL mode. SQLite does not ask the busy handler when two processes do this to a new file at once.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut calls = 0;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Ok(_) => return Ok(()),
            Err(error) if is_busy(&error) && wait_for_others(calls) => calls += 1,
            Err(error) => return Err(error),
        }
    }
}

/// SQLite's busy handler: waits, and says whether to try again. Waits are short at first, because another process
/// usually holds the file for the time of one commit.
fn wait_for_others(calls: i32) -> bool {
    let calls = u32::try_from(calls).unwrap_or(0);
    let (pause, waited) = nth_wait(calls);
    if waited >= PATIENCE.get() {
        return false;
    }
    let since = Instant::now();
    thread::sleep(pause);
    note_wait(since);
    true
}

/// How long the wait number `calls` (from 0) is, and all waits before it together.
fn nth_wait(calls: u32) -> (Duration, Duration) {
    const SHORT: Duration = Duration::from_micros(200);
    const MIDDLE: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_millis(5);
    match calls {
        0..50 => (SHORT, SHORT * calls),
        50..150 => (MIDDLE, SHORT * 50 + MIDDLE * (calls - 50)),
        _ => (LONG, SHORT * 50 + MIDDLE * 100 + LONG * (calls - 150)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up() {
        let mut sum = Duration::ZERO;
        for calls in 0..400 {
            let (pause, waited) = nth_wait(calls);
            assert_eq!(waited, sum);
            sum += pause;
        }
    }

    #[test]
    fn any_path_can_stand_in_a_uri() {
        assert_eq!(in_uri(Path::new("/a b/ü?#%.db")), "/a%20b/%c3%bc%3f%23%25.db");
    }

    #[test]
    fn what_kept_a_thread_from_writing_counts_from_when_it_was_asked() {
        let begin = Instant::now();
        assert_eq!(held_up(begin), Duration::ZERO);
        be_patient(Duration::from_secs(1));
        assert!(wait_for_others(0) && wait_for_others(1));
        let (since, until) = HELD_UP.get().unwrap();
        assert!(since >= begin && until - since >= nth_wait(0).0 * 2, "they are one");
        assert_eq!(held_up(begin), until - since);
        assert_eq!(held_up(until), Duration::ZERO);
    }

    #[test]
    fn patience_ends() {
        be_patient(Duration::ZERO);
        assert!(!wait_for_others(0));
        be_patient(Duration::from_millis(10));
        assert!(wait_for_others(0));
        assert!(!wait_for_others(50));
    }
}
