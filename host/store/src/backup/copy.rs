//! Makes a backup of a database that others work with.
//!
//! `VACUUM INTO` reads the database in one transaction and writes a new file. Unlike SQLite's backup in steps, which begins
//! anew with each change of another process, it ends at any load; writers go on meanwhile, and the write-ahead log keeps
//! what they write until it has.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_domain::StoreError;
use rusqlite::Connection;
use serde::Serialize;
use uuid::Uuid;

use super::files::{Copied, copy_files};
use super::target::{Kind, Room, Target};
use super::{BackupError, DATABASE};
use crate::connection::{self, ReadAccess, open_reader};
use crate::fault::store_error;
use crate::files::layout::Layout;
use crate::generation::{arrive_to_read, real, renew};
use crate::identity::{beside, is_empty};
use crate::migrations::{Standing, refuse, standing};

/// How long other programs are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a backup with files is begun, when a job changes what it had saved while it is copied.
const TRIES: u32 = 3;

/// Room that is left beside a backup.
const ROOM_LEFT: u64 = 1 << 20;

/// What a backup has.
#[derive(Clone, Copy, Debug)]
pub struct BackupOptions<'a> {
    /// The database.
    pub database: &'a Path,
    /// The folder of files that belongs to it.
    pub files: &'a Path,
    /// Whether the files are in it, too.
    pub with_files: bool,
    /// Whether it takes the place of a backup of the same name.
    pub overwrite: bool,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The file, or the folder where files are in it.
    pub path: PathBuf,
    /// Bytes of the database in it.
    pub database_bytes: u64,
    /// Tasks that it has.
    pub tasks: u64,
    /// Files of tasks in it.
    pub files: u64,
    /// Bytes of them.
    pub file_bytes: u64,
    /// Files that are not in it, and why: they were gone or damaged already, or changed all the time.
    pub missing: Vec<String>,
}

/// Writes a backup to `path`. It blocks. Others may work meanwhile.
pub fn back_up(path: &Path, options: &BackupOptions<'_>) -> Result<BackedUp, BackupError> {
    let database = real(options.database);
    let kind = if options.with_files { Kind::Folder } else { Kind::File };
    connection::be_patient(PATIENCE);
    let source = open_source(&database)?;
    let target = Target::begin(path, kind, options.overwrite, &database, options.files)?;
    for last in (1..=TRIES).map(|number| number == TRIES) {
        let tasks = copy_database(&source, &target.database())?;
        let copied = if options.with_files {
            let copy = Connection::open(target.database()).map_err(sql)?;
            copy_files(&source, &copy, &Layout::new(options.files), target.part())?
        } else {
            Copied::default()
        };
        if copied.changed && !last {
            std::fs::remove_file(target.database()).map_err(BackupError::file("begin anew", path))?;
            continue;
        }
        let made = target.database();
        let database_bytes = sync(&made).map_err(BackupError::file("sync", &made))?;
        let path = target.finish()?;
        let Copied { files, file_bytes, missing, .. } = copied;
        return Ok(BackedUp { path, database_bytes, tasks, files, file_bytes, missing });
    }
    unreachable!("the last try is kept")
}

/// Opens the database to read it.
fn open_source(database: &Path) -> Result<Connection, BackupError> {
    if !database.exists() {
        let why = format!("there is no database at {}", database.display());
        return Err(BackupError::Store(StoreError::Broken(why)));
    }
    let _arrival = arrive_to_read(database, PATIENCE)?;
    let open = |access| {
        let connection = open_reader(database, access)?;
        let standing = standing(&connection)?;
        Ok((connection, standing))
    };
    let opened = open(ReadAccess::Shared).map_err(|error| store_error(&error));
    let (connection, standing) = match opened {
        // In a folder that cannot be written there is nobody who could change the file.
        Err(StoreError::Disk(_) | StoreError::ReadOnly(_)) if is_empty(&beside(database, "-wal")) => {
            open(ReadAccess::Immutable).map_err(sql)?
        }
        opened => opened?,
    };
    let is_empty = standing == Standing::Empty;
    refuse(standing)?;
    if is_empty {
        let why = format!("{} holds nothing yet", database.display());
        return Err(BackupError::Store(StoreError::Broken(why)));
    }
    Ok(connection)
}

/// Copies the database to a file that is not there, or empty, and checks the copy. Says how many tasks it has.
fn copy_database(source: &Connection, to: &Path) -> Result<u64, BackupError> {
    let number = |name: &str| {
        source
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map(|number| number as u64)
            .map_err(sql)
    };
    let pages = number("page_count")? - number("freelist_count")?.min(number("page_count")?);
    Room::check(to, pages * number("page_size")? + ROOM_LEFT)?;
    if !to.exists() {
        private_file(to).map_err(BackupError::file("create", to))?;
    }
    let Some(name) = to.to_str() else {
        return Err(BackupError::Target { path: to.into(), why: "its name is not UTF-8".into() });
    };
    source.execute("VACUUM INTO ?1", [name]).map_err(sql)?;
    let copy = Connection::open(to).map_err(sql)?;
    check(&copy, "quick_check")
        .map_err(|why| BackupError::Store(StoreError::Corrupt(format!("its copy is damaged: {why}"))))?;
    // A database that is copied over another, with the log of that one beside it, is recognised by it.
    copy.pragma_update(None, "journal_mode", "MEMORY").map_err(sql)?;
    if crate::generation::of(&copy).map_err(sql)?.is_some() {
        renew(&copy, Uuid::new_v4()).map_err(sql)?;
    }
    copy.query_row("SELECT count(*) FROM tasks", [], |row| row.get::<_, i64>(0))
        .map(|tasks| tasks as u64)
        .map_err(sql)
}

/// Copies the database to `to`, in place of what is there.
pub(crate) fn copy_before_upgrade(source: &Connection, to: &Path) -> Result<(), BackupError> {
    let part = beside(to, ".longshore-part");
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(BackupError::file("delete", &part)(error));
        }
        _ => {}
    }
    copy_database(source, &part)
        .and_then(|_| sync(&part).map_err(BackupError::file("sync", &part)))
        .inspect_err(|_| drop(std::fs::remove_file(&part)))?;
    std::fs::rename(&part, to).map_err(BackupError::file("create", to))?;
    super::sync_parent(to).map_err(BackupError::file("sync the folder of", to))
}

/// Runs one of SQLite's own checks, and says what it finds.
pub(super) fn check(connection: &Connection, check: &str) -> Result<(), String> {
    let found = connection.query_row(&format!("PRAGMA {check}(1)"), [], |row| row.get::<_, String>(0));
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(found),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn sync(path: &Path) -> std::io::Result<u64> {
    let file = File::open(path)?;
    file.sync_all()?;
    if path.ends_with(DATABASE) {
        super::sync_parent(path)?;
    }
    Ok(file.metadata()?.len())
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn sql(error: rusqlite::Error) -> BackupError {
    BackupError::Store(store_error(&error))
}
