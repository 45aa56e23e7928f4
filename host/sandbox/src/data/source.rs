//! The data sources, and the idle readers of each.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use longshore_domain::Timestamp;

use crate::data::open::{self, LogIndex};
use crate::data::reader::{self, Query};
use crate::data::{revision, trouble};

/// Readers of one source that are kept for its next query.
const IDLE_READERS_MAX: usize = 8;

/// Data sources by name.
pub(crate) struct Sources(BTreeMap<String, Arc<Source>>);

impl Sources {
    pub(crate) fn new(paths: BTreeMap<String, PathBuf>) -> Self {
        let source = |path| Arc::new(Source { path, idle: Mutex::default() });
        Self(paths.into_iter().map(|(name, path)| (name, source(path))).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Source>> {
        self.0.get(name)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, source)| (name, &source.path))).finish()
    }
}

/// A SQLite file.
pub(crate) struct Source {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

/// A thread with an open connection.
pub(crate) struct Reader {
    requests: mpsc::Sender<Request>,
    file: FileIdentity,
}

/// A query, and the reader that is to become idle again when it is done.
pub(crate) struct Request {
    pub(crate) query: Query,
    pub(crate) reader: Reader,
}

/// Tells a file from another that took its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    fn of(path: &Path) -> Result<Self, String> {
        // Where the file is, the job that asks for it is not told.
        let metadata = std::fs::metadata(path).inspect_err(|error| {
            tracing::warn!("the data source {} cannot be opened: {error}", path.display());
        });
        let metadata = metadata.map_err(|error| trouble::unreadable(&error))?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Source {
    /// What the source holds, as [`revision::of`] tells it from before and after a write.
    pub(crate) fn revision(&self, now: Timestamp) -> Option<String> {
        revision::of(&self.path, now)
    }

    /// A connection of its own, to look at what the source has. The error says what to do.
    pub(crate) fn connect(&self) -> Result<rusqlite::Connection, String> {
        open::open(&self.path, LogIndex::Shared)
    }

    /// Starts a query. Its answers come through the channels that it holds.
    pub(crate) fn start(self: &Arc<Self>, query: Query) -> Result<(), String> {
        let file = FileIdentity::of(&self.path)?;
        let mut query = query;
        while let Some(reader) = self.next_idle(file) {
            let requests = reader.requests.clone();
            match requests.send(Request { query, reader }) {
                Ok(()) => return Ok(()),
                // It ended meanwhile, having been idle for too long.
                Err(mpsc::SendError(request)) => query = request.query,
            }
        }
        let (requests, received) = mpsc::channel();
        let reader = Reader { requests: requests.clone(), file };
        let (source, path) = (Arc::downgrade(self), self.path.clone());
        std::thread::Builder::new()
            .name("longshore-data".into())
            .spawn(move || reader::serve(&source, &path, &received))
            .map_err(|error| format!("the process has no thread for it: {error}"))?;
        // The thread waits for it; nothing else can have been sent.
        let _ = requests.send(Request { query, reader });
        Ok(())
    }

    /// Takes back a reader that is done with its query.
    pub(crate) fn give_back(&self, reader: Reader) {
        let mut idle = self.idle();
        if idle.len() < IDLE_READERS_MAX {
            idle.push(reader);
        }
    }

    fn next_idle(&self, file: FileIdentity) -> Option<Reader> {
        let mut idle = self.idle();
        // Readers of a file that was replaced end when they are dropped here.
        idle.retain(|reader| reader.file == file);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
