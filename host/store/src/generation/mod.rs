//! Keeps a database and its write-ahead log together. SQLite plays a log back into whatever file it finds beside it: a
//! backup that is copied over a database whose process was killed is undone or destroyed by the log that was left.
//!
//! So each database has a generation, a random id in a row of its own that is new in every backup and whenever a database
//! that nobody had open is opened. The companion file beside it repeats the id. Before a database with a log is opened, the
//! two are compared, without SQLite playing back anything.

mod companion;
mod content;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_domain::StoreError;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _};
use uuid::Uuid;

pub(crate) use companion::{Companion, Noted, Restoring};
pub(crate) use content::Content;

use crate::backup::finish_restore;
use crate::connection::{ReadAccess, open_reader};
use crate::fault::store_error;
use crate::identity::{beside, is_empty};
use crate::migrations::{Standing, refuse, standing};

/// Links that are followed to the database file.
const LINKS_MAX: u32 = 40;

/// The generation of a database; `None` for one of a version that knew none.
pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Option<Uuid>> {
    let there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'generation')",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(None);
    }
    let id = connection.query_row("SELECT id FROM generation", [], |row| row.get::<_, [u8; 16]>(0));
    Ok(id.optional()?.map(Uuid::from_bytes))
}

/// Gives the database another generation.
pub(crate) fn renew(connection: &Connection, generation: Uuid) -> rusqlite::Result<()> {
    connection.execute("UPDATE generation SET id = ?1", [generation.as_bytes()]).map(drop)
}

/// The file itself, where `path` may be a link to it. SQLite puts what belongs to a database beside the file, also beside one
/// that is not there yet.
pub(crate) fn real(path: &Path) -> PathBuf {
    let mut real = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(to) = fs::read_link(&real) else { break };
        real = real.parent().map_or_else(|| to.clone(), |folder| folder.join(&to));
    }
    fs::canonicalize(&real).unwrap_or_else(|_| match (real.parent(), real.file_name()) {
        (Some(folder), Some(name)) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            fs::canonicalize(folder).map_or_else(|_| real.clone(), |folder| folder.join(name))
        }
        _ => real,
    })
}

/// The generation that the file itself has, whatever its log says. `Err` where that cannot be told.
pub(crate) fn in_file(path: &Path) -> rusqlite::Result<(Standing, Option<Uuid>)> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Standing::Empty, None)),
        Ok(about) if about.len() == 0 => return Ok((Standing::Empty, None)),
        _ => {}
    }
    // Without locks, so what it sees may be in the middle of a change.
    open_reader(path, ReadAccess::Immutable).and_then(|connection| {
        Ok(match standing(&connection)? {
            foreign @ Standing::Foreign => (foreign, None),
            ours => (ours, of(&connection)?),
        })
    })
}

/// Refuses a file that is not ours, or of a newer version, before anything is put beside it. Only what it is sure of counts
/// here; the rest is found again once the file is open.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    match in_file(path) {
        Ok((standing, _)) => refuse(standing),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Err(store_error(&error)),
        Err(_) => Ok(()),
    }
}

/// Fails if the database at `path` is not the one that the log beside it belongs to.
pub(crate) fn refuse_other_log(path: &Path, noted: Option<&Noted>) -> Result<(), StoreError> {
    let Some(noted) = noted else { return Ok(()) };
    if is_empty(&beside(path, "-wal")) {
        return Ok(());
    }
    match in_file(path) {
        Ok((_, found)) if !noted.generations.contains(&found) => Err(StoreError::Replaced(format!(
            "{} is not the database that the log beside it belongs to; the log was left as it is",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Takes part in the lock of those who only read, once a restore is over, and looks whether database and log belong
/// together. To be kept until the database is open.
pub(crate) fn arrive_to_read(path: &Path, patience: Duration) -> Result<Option<Companion>, StoreError> {
    let path = real(path);
    let companion = Companion::lock_to_read(&path, patience)?;
    let noted = companion.as_ref().and_then(Companion::noted);
    if let Some(Noted { restoring: Some(restoring), .. }) = &noted
        && in_file(&path).is_ok_and(|(_, found)| found == Some(restoring.generation))
        && !is_empty(&beside(&path, "-wal"))
    {
        return Err(StoreError::Replaced(
            "a restore was interrupted; the next process that works completes it".into(),
        ));
    }
    if noted.as_ref().is_some_and(|noted| noted.restoring.is_none()) {
        refuse_other_log(&path, noted.as_ref())?;
    }
    Ok(companion)
}

/// A process that is about to open the database. Until it has, nobody else opens or restores it.
pub(crate) struct Arrival {
    path: PathBuf,
    companion: Option<Companion>,
    /// What the file itself had; empty if that could not be told.
    before: Vec<Option<Uuid>>,
    /// Whether nobody has the database open.
    is_first: bool,
}

impl Arrival {
    /// Refuses a file that is not ours, is of a newer version, or has the log of another beside it, before anything is done
    /// that could change it.
    pub(crate) fn begin(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let path = real(path);
        refuse_foreign(&path)?;
        let companion = Companion::lock(&path, patience)?;
        if let Some(companion) = &companion {
            finish_restore(&path, companion)?;
        }
        let has_log = !is_empty(&beside(&path, "-wal"));
        let is_first = content::is_held(&path).map_or(!has_log, |is_held| !is_held);
        refuse_foreign(&path)?;
        let before: Vec<_> = in_file(&path).ok().map(|(_, found)| found).into_iter().collect();
        let noted = companion.as_ref().and_then(Companion::noted);
        refuse_other_log(&path, noted.as_ref())?;
        if let Some(noted) = &noted
            && !has_log
            && before.iter().any(|found| !noted.generations.contains(found))
        {
            tracing::warn!("another database was put at {}; it is used from now on", path.display());
        }
        Ok(Self { path, companion, before, is_first })
    }

    /// The file itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes the generation of the database, now that it is open: a new one where nobody had it open. Gives what recognises
    /// it in the file. A disk that is full keeps nobody from reading, so what fails here is left.
    pub(crate) fn settle(self, connection: &Connection) -> Option<Content> {
        let companion = self.companion.as_ref()?;
        let now = of(connection).ok()??;
        if self.is_first {
            let new = Uuid::new_v4();
            let mut generations = vec![Some(now), Some(new)];
            generations.extend(self.before);
            companion.note(&Noted { generations, restoring: None }).ok()?;
            renew(connection, new).map_err(|error| store_error(&error)).ok()?;
            // Whole, so that the file itself has it.
            if is_checkpointed(connection).unwrap_or(false) {
                companion.note(&Noted::one(new)).ok()?;
            }
        } else if companion.noted().is_none_or(|noted| !noted.generations.contains(&Some(now))) {
            let mut generations = vec![Some(now)];
            generations.extend(self.before);
            companion.note(&Noted { generations, restoring: None }).ok()?;
        }
        Content::find(&self.path, connection)
    }
}

fn is_checkpointed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| {
        let (busy, pages, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && pages == moved)
    })
}
