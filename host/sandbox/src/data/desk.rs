//! Where queries are read: a thread for each, and the connections that are kept for the next ones.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rusqlite::Connection;

use crate::data::line::Line;
use crate::data::memory::QueryMemory;
use crate::data::reader;
use crate::data::stopped::Stopped;
use crate::data::time::WorkingTime;
use crate::data::{trouble, wire};
use crate::stand_back::stand_back;

/// Connections that are kept.
const IDLE_MAX: usize = 8;

/// How long after the end of its time a query that works on is taken to be in a step that does not end.
const STUCK_AFTER: Duration = Duration::from_millis(100);

/// Looks at the clock for each time that the host is asked whether it still wants the rows.
const LOOKS_FOR_ONE_QUESTION: u32 = 32;

/// Reads for one attempt at a time.
#[derive(Default)]
pub(crate) struct Desk {
    idle: Mutex<Vec<Idle>>,
    /// What the attempt of that number takes.
    memory: Mutex<Option<(u64, QueryMemory)>>,
    threads: AtomicUsize,
    working: Mutex<Vec<Weak<Working>>>,
}

struct Idle {
    path: PathBuf,
    file: FileIdentity,
    connection: Connection,
}

/// A query that is being read.
struct Working {
    line: Line,
    time: WorkingTime,
    looks: AtomicU32,
}

/// Tells a file from another that took its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// Counts a thread for as long as it lives.
struct Counted(Arc<Desk>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.threads.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    /// Answers the query that comes over `socket`, on a thread of its own.
    pub(crate) fn take(self: &Arc<Self>, socket: UnixStream) -> io::Result<()> {
        self.threads.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(self));
        let thread = std::thread::Builder::new().name("longshore-data".into());
        thread.spawn(move || {
            stand_back();
            counted.0.answer(socket);
        })?;
        Ok(())
    }

    /// Ends the queries that work for longer than they may and cannot see it. Returns how many threads there are.
    pub(crate) fn watch(&self) -> usize {
        let mut working = guard(&self.working);
        working.retain(|working| working.strong_count() > 0);
        for stuck in working.iter().filter_map(Weak::upgrade) {
            if stuck.time.is_over_for(STUCK_AFTER) {
                stuck.line.end_stuck(&Stopped::OutOfTime);
            }
        }
        self.threads.load(Ordering::Relaxed)
    }

    fn answer(&self, socket: UnixStream) {
        // The host went away, or the attempt ended, before the query was here.
        let Ok(query) = wire::read_query(&socket) else { return };
        let working = Arc::new(Working {
            line: Line::new(socket),
            time: WorkingTime::of(query.allowed.time_max),
            looks: AtomicU32::new(0),
        });
        guard(&self.working).push(Arc::downgrade(&working));
        let file = match FileIdentity::of(&query.path) {
            Ok(file) => file,
            // Where the file is, the job that asks for it is not told.
            Err(error) => return working.line.unopened(&trouble::unreadable(&error)),
        };
        let memory = self.memory_of(query.attempt, query.allowed.memory_bytes_max);
        let path = query.path.clone();
        let mut connection = self.next_idle(&path, file);
        let look = Arc::clone(&working);
        let is_over = move || look.is_over();
        reader::answer(query, &memory, &mut connection, &working.line, &working.time, is_over);
        if let Some(connection) = connection {
            let mut idle = guard(&self.idle);
            if idle.len() < IDLE_MAX {
                idle.push(Idle { path, file, connection });
            }
        }
    }

    fn memory_of(&self, attempt: u64, bytes_max: u64) -> QueryMemory {
        let mut memory = guard(&self.memory);
        match &*memory {
            Some((of, memory)) if *of == attempt => memory.clone(),
            _ => memory.insert((attempt, QueryMemory::new(bytes_max))).1.clone(),
        }
    }

    fn next_idle(&self, path: &Path, file: FileIdentity) -> Option<Connection> {
        let mut idle = guard(&self.idle);
        // One to a file that was replaced is of no use to anybody.
        idle.retain(|idle| idle.path != path || idle.file == file);
        let at = idle.iter().position(|idle| idle.path == path)?;
        Some(idle.swap_remove(at).connection)
    }
}

impl Working {
    /// Whether nobody wants its rows, or its time is over.
    fn is_over(&self) -> bool {
        // One of these takes longer than the steps between two looks.
        let asks = self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS_FOR_ONE_QUESTION);
        self.time.is_over() || asks && !self.line.is_wanted()
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
