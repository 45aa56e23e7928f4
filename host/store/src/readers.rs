//! A few threads that read, each on a connection of its own. In WAL mode writers do not block them, nor they writers.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use longshore_domain::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection::ReadAccess;
use crate::fault::{Fault, store_error};
use crate::identity::Identity;
use crate::writer::SharedCommitter;
use crate::{StoreOptions, connection};

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The way to where is read.
pub(crate) enum Readers {
    /// Threads, which end when this is dropped.
    Threads(Pool),
    /// The thread of whoever asks.
    Here(SharedCommitter),
}

/// The threads that read.
pub(crate) struct Pool {
    reads: Option<mpsc::Sender<Read>>,
    threads: Vec<JoinHandle<()>>,
    files: Arc<Option<Identity>>,
}

impl Readers {
    /// Starts the threads. The file must have been set up; `files` says which it is.
    pub(crate) fn start(
        path: &Path,
        options: &StoreOptions,
        files: Arc<Option<Identity>>,
        access: ReadAccess,
    ) -> Result<Self, StoreError> {
        let (reads, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut pool = Pool { reads: Some(reads), threads: Vec::new(), files };
        for number in 0..options.readers.max(1) {
            let connection = connection::open_reader(path, access).map_err(|error| store_error(&error))?;
            let queue = Arc::clone(&queue);
            let patience = options.busy_timeout;
            let thread = thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || {
                    connection::be_patient(patience);
                    while let Some(read) = next(&queue) {
                        read(&connection);
                    }
                })
                .map_err(|error| StoreError::Broken(format!("cannot start a reader thread: {error}")))?;
            pool.threads.push(thread);
        }
        Ok(Self::Threads(pool))
    }

    /// Runs `query` on one of the connections. Each statement of it sees one state of the store; several that must see
    /// the same are put in a [`snapshot`].
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Threads(pool) => pool.read(query).await,
            Self::Here(committer) => committer.read(query).map_err(StoreError::from),
        }
    }
}

impl Pool {
    async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let files = Arc::clone(&self.files);
        let read: Read = Box::new(move |connection| {
            let found = Option::as_ref(&files).map_or(Ok(()), Identity::check_database);
            let read = found.and_then(|()| query(connection)).map_err(StoreError::from);
            if let (Err(error), Some(files)) = (&read, Option::as_ref(&files)) {
                files.note(error);
            }
            let _ = reply.send(read);
        });
        let stopped = || StoreError::Broken("the store's reader threads have stopped".into());
        self.reads.as_ref().ok_or_else(stopped)?.send(read).map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.reads = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The next read, waited for; none when the store is closed. Only one thread waits in the queue, the others wait for
/// that one to be served.
fn next(queue: &Mutex<mpsc::Receiver<Read>>) -> Option<Read> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Runs `query` so that all its statements see the same state of the store.
pub(crate) fn snapshot<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let result = query(connection);
    connection.prepare_cached("COMMIT")?.execute([])?;
    result
}
