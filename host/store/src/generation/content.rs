//! Notices that another database was copied over the file of a running process: the file is the same then, what is in it
//! is not.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rustix::process::{Flock, FlockType, fcntl_getlk};
use uuid::Uuid;

use super::companion;
use crate::fault::Fault;

/// Files that stay open until the process ends, by device and inode. A process that closes a file loses all locks that it
/// holds on it, those of SQLite among them.
static OPEN: Mutex<Vec<((u64, u64), &'static File)>> = Mutex::new(Vec::new());

/// How much of the file is searched for a row that another process moved. The table was made with the first ones.
const SEARCHED_BYTES: usize = 1 << 20;

/// What a database begins with, and a page of a table or an index.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const PAGE_KINDS: [u8; 4] = [0x02, 0x05, 0x0a, 0x0d];

/// The row with the generation, read where it is in the file: through SQLite one would see what its log has of it.
#[derive(Debug)]
pub(crate) struct Content {
    path: PathBuf,
    file: &'static File,
    page_at: u64,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    generation: Uuid,
    at: u64,
}

impl Content {
    /// Finds the row in the file, which must have it.
    pub(crate) fn find(path: &Path, connection: &Connection) -> Option<Self> {
        let root: i64 = connection
            .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'generation'", [], |row| row.get(0))
            .ok()?;
        let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).ok()?;
        let generation = super::of(connection).ok()??;
        let file = keep_open(path)?;
        let page_at = (root - 1) as u64 * page_bytes as u64;
        let at = place(file, page_at, page_bytes as usize, generation)?;
        Some(Self { path: path.into(), file, page_at, seen: Mutex::new(Seen { generation, at }) })
    }

    /// Fails when the row is not the one that was found.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = [0; 16];
        match self.file.read_exact_at(&mut found, seen.at) {
            Ok(()) if found == *seen.generation.as_bytes() => return Ok(()),
            // A disk that does not give a page is SQLite's to report.
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Ok(()),
            _ => {}
        }
        // Another process may have given it a new one.
        let noted = companion::noted(&self.path).unwrap_or_default();
        let now = noted.generations.into_iter().flatten().find_map(|generation| {
            Some(Seen { generation, at: place(self.file, 0, SEARCHED_BYTES, generation)? })
        });
        if let Some(now) = now {
            *seen = now;
        } else if !self.is_damaged() {
            return Err(Fault::Replaced(format!("another database was copied over {}", self.path.display())));
        }
        Ok(())
    }

    /// Whether the file is still a database, and what should be a page of it is none. That is SQLite's to report.
    fn is_damaged(&self) -> bool {
        let (mut begin, mut kind) = ([0; MAGIC.len()], [0]);
        let read = |bytes: &mut [u8], at| self.file.read_exact_at(bytes, at).is_ok();
        read(&mut begin, 0)
            && begin == *MAGIC
            && read(&mut kind, self.page_at)
            && !PAGE_KINDS.contains(&kind[0])
    }
}

/// Whether another process has the database open: SQLite holds a lock on it from the first read on.
pub(super) fn is_held(path: &Path) -> Option<bool> {
    let lock = fcntl_getlk(keep_open(path)?, &Flock::from(FlockType::WriteLock)).ok()?;
    Some(lock.is_some())
}

/// Where in a part of the file that generation is.
fn place(file: &File, from: u64, bytes: usize, generation: Uuid) -> Option<u64> {
    let mut part = vec![0; bytes];
    let read = file.read_at(&mut part, from).ok()?;
    let within = part[..read].windows(16).position(|bytes| bytes == generation.as_bytes())?;
    Some(from + within as u64)
}

fn keep_open(path: &Path) -> Option<&'static File> {
    let number = std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok()?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, file)) = open.iter().find(|(known, _)| *known == number) {
        return Some(file);
    }
    let file: &'static File = Box::leak(Box::new(File::open(path).ok()?));
    open.push((number, file));
    Some(file)
}
