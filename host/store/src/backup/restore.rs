//! Puts a backup in the place of the database.
//!
//! The backup is copied, checked and brought to the newest schema beside the database first. Then one rename decides: before
//! it nothing has changed, after it the restore is done, and what is left to do is done by whoever opens the database next.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_domain::StoreError;
use rusqlite::Connection;
use serde::Serialize;
use uuid::Uuid;

use super::copy::{check, private_file, sql};
use super::files::put_back;
use super::in_use::{Sole, only_user};
use super::{BackupError, DATABASE, Room, sync_parent};
use crate::connection::{self, ReadAccess, open_reader};
use crate::files::layout::Layout;
use crate::generation::{self, Companion, Noted, Restoring, in_file, real};
use crate::identity::{beside, is_empty};
use crate::migrations::{Standing, migrate, standing};

/// What the name of the copy ends with that takes the place of the database.
const NEW: &str = ".restoring";

/// What those of SQLite end with. They belong to the database that is replaced.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

const PATIENCE: Duration = Duration::from_secs(10);

/// Room that is left beside the copy.
const ROOM_LEFT: u64 = 1 << 20;

/// Names that are tried for the database that is replaced.
const NAMES_MAX: u32 = 1_000;

/// Where a backup is put.
#[derive(Clone, Copy, Debug)]
pub struct Restoration<'a> {
    /// The database.
    pub database: &'a Path,
    /// The folder of files that belongs to it.
    pub files: &'a Path,
    /// What the name of the database that is replaced ends with.
    pub kept_as: &'a str,
}

/// A restore that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The database that is in place now.
    pub database: PathBuf,
    /// Where the one before is, together with its log; `None` if there was none.
    pub kept: Option<PathBuf>,
    /// Tasks that it has.
    pub tasks: u64,
    /// Files of tasks that were copied out of the backup.
    pub files: u64,
    /// The schema that the backup had, if it is an older one.
    pub upgraded_from: Option<u32>,
}

/// Puts the backup at `from` in the place of the database. It blocks. Nobody may have the database open.
pub fn restore(from: &Path, restoration: &Restoration<'_>) -> Result<Restored, BackupError> {
    connection::be_patient(PATIENCE);
    let database = real(restoration.database);
    let (source, backup_files) = source(from)?;
    if real(&source) == database {
        return Err(invalid(from, "it is the database itself"));
    }
    let folder = database.parent().unwrap_or(Path::new("."));
    crate::create_private_folder(folder).map_err(BackupError::file("create the folder", folder))?;
    let Sole { companion, .. } = &only_user(&database)?;
    finish(&database, companion)?;
    let new = New(beside(&database, NEW));
    let generation = Uuid::new_v4();
    let upgraded_from = prepare(from, &source, &new.0, generation)?;
    let copy = open_reader(&new.0, ReadAccess::Immutable).map_err(sql)?;
    let tasks: i64 = copy.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).map_err(sql)?;
    let (backup, files) = (backup_files.as_deref().map(Layout::new), Layout::new(restoration.files));
    // Files that are in nobody's way come first, so that a job whose rows are there has them.
    let mut put = 0;
    if let Some(backup) = &backup {
        put += put_back(&copy, backup, &files, false)?;
    }
    let kept = swap(&database, &new.0, generation, companion, restoration.kept_as)?;
    if let Some(backup) = &backup {
        put += put_back(&copy, backup, &files, true)?;
    }
    Ok(Restored { database, kept, tasks: tasks as u64, files: put, upgraded_from })
}

/// The database of a backup, and the folder of its files if it has some.
fn source(from: &Path) -> Result<(PathBuf, Option<PathBuf>), BackupError> {
    let about = fs::metadata(from).map_err(BackupError::file("read", from))?;
    if about.is_dir() {
        let database = from.join(DATABASE);
        return if database.is_file() {
            Ok((database, Some(from.into())))
        } else {
            Err(invalid(from, "it is a folder without a longshore.db"))
        };
    }
    if !about.is_file() {
        return Err(invalid(from, "it is not a regular file"));
    }
    Ok((from.into(), None))
}

/// The copy that is to be the database; deleted if it does not become it.
struct New(PathBuf);

impl Drop for New {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Copies the backup, checks the copy and gives it a generation of its own. Gives its schema if that was an older one.
fn prepare(from: &Path, source: &Path, to: &Path, generation: Uuid) -> Result<Option<u32>, BackupError> {
    let failed = |error: rusqlite::Error| invalid(from, &error.to_string());
    let bytes = fs::metadata(source).map_err(BackupError::file("read", source))?.len();
    Room::check(to, bytes + ROOM_LEFT)?;
    let mut target = private_file(to).map_err(BackupError::file("create", to))?;
    if is_empty(&beside(source, "-wal")) {
        let mut file = File::open(source).map_err(BackupError::file("read", source))?;
        io::copy(&mut file, &mut target).map_err(BackupError::file("write", to))?;
    } else {
        // A database that was replaced before, together with its log: SQLite knows what is in both.
        let reader = open_reader(source, ReadAccess::Shared).map_err(failed)?;
        let Some(name) = to.to_str() else { return Err(invalid(to, "its name is not UTF-8")) };
        reader.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    }
    let mut copy = Connection::open(to).map_err(failed)?;
    copy.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON").map_err(failed)?;
    let found = match standing(&copy).map_err(failed)? {
        Standing::Current => None,
        Standing::Outdated { found, .. } => Some(found),
        Standing::Empty => return Err(invalid(from, "it holds nothing")),
        Standing::Foreign => {
            return Err(invalid(from, "it is a SQLite database, but not one of Longshore's"));
        }
        newer @ Standing::TooNew { .. } => {
            let why = crate::migrations::refuse(newer).err().map(|error| error.to_string());
            return Err(invalid(from, &why.unwrap_or_default()));
        }
    };
    check(&copy, "integrity_check").map_err(|why| invalid(from, &format!("it is damaged: {why}")))?;
    copy.pragma_update(None, "journal_mode", "MEMORY").map_err(failed)?;
    if found.is_some() {
        Room::check(to, bytes + ROOM_LEFT)?;
        migrate(&mut copy)?;
    }
    generation::renew(&copy, generation).map_err(sql)?;
    drop(copy);
    target.sync_all().map_err(BackupError::file("sync", to))?;
    Ok(found)
}

/// Gives the new database the place of the old one, and keeps that.
fn swap(
    database: &Path,
    new: &Path,
    generation: Uuid,
    companion: &Companion,
    kept_as: &str,
) -> Result<Option<PathBuf>, BackupError> {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    let kept = (is_there(database) || is_there(&beside(database, "-wal"))).then(|| {
        let names = (0..NAMES_MAX).map(|number| {
            let end = if number == 0 { String::new() } else { format!(".{number}") };
            beside(database, &format!(".replaced-{kept_as}{end}"))
        });
        names.into_iter().find(|name| !is_there(name) && !is_there(&beside(name, "-wal"))).unwrap_or_default()
    });
    let name =
        kept.as_ref().and_then(|kept| kept.file_name()).map(|name| name.to_string_lossy().into_owned());
    let before = companion.noted().unwrap_or_default().generations;
    let restoring = Some(Restoring { generation, kept: name });
    let noted = Noted { generations: before, restoring };
    companion.note(&noted).map_err(BackupError::file("write beside", database))?;
    let placed = keep(database, kept.as_deref()).and_then(|()| fs::rename(new, database));
    if let Err(error) = placed {
        finish(database, companion)?;
        return Err(BackupError::file("replace", database)(error));
    }
    sync_parent(database).map_err(BackupError::file("sync the folder of", database))?;
    finish(database, companion)?;
    Ok(kept)
}

/// Gives the database and its log a second name.
fn keep(database: &Path, kept: Option<&Path>) -> io::Result<()> {
    let Some(kept) = kept else { return Ok(()) };
    for end in ["", "-wal"] {
        let (from, to) = (beside(database, end), beside(kept, end));
        if !from.exists() {
            continue;
        }
        // Not every file system has second names.
        if fs::hard_link(&from, &to).is_err() {
            io::copy(&mut File::open(&from)?, &mut private_file(&to)?)?;
            File::open(&to)?.sync_all()?;
        }
    }
    sync_parent(kept)
}

/// Completes a restore that was interrupted, or undoes it if it had not come as far as to replace the database.
pub(crate) fn finish(database: &Path, companion: &Companion) -> Result<(), StoreError> {
    let failed = |error: io::Error| StoreError::Disk(format!("a restore cannot be completed: {error}"));
    remove(&beside(database, NEW)).map_err(failed)?;
    let Some(Noted { generations, restoring: Some(restoring) }) = companion.noted() else { return Ok(()) };
    if in_file(database).is_ok_and(|(_, found)| found == Some(restoring.generation)) {
        for end in COMPANIONS {
            remove(&beside(database, end)).map_err(failed)?;
        }
        sync_parent(database).map_err(failed)?;
        return companion.note(&Noted::one(restoring.generation)).map_err(failed);
    }
    for kept in restoring.kept.iter().filter(|kept| !kept.is_empty()) {
        let kept = database.with_file_name(OsString::from(kept));
        for end in ["", "-wal"] {
            remove(&beside(&kept, end)).map_err(failed)?;
        }
    }
    companion.note(&Noted { generations, restoring: None }).map_err(failed)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn invalid(path: &Path, why: &str) -> BackupError {
    BackupError::Invalid { path: path.into(), why: why.into() }
}
