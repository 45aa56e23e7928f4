//! The one thread that writes. It takes all commands that wait, runs them in one transaction, commits once, and only
//! then answers each: durability costs one disk flush a batch, not one a command. A batch of bookkeeping alone does not
//! wait for the disk at all.

mod committer;
mod crowd;
mod log_watch;
mod thread;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use longshore_domain::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::committer::Committer;
use self::thread::WriterThread;
use crate::StoreOptions;
use crate::fault::Fault;
use crate::identity::Identity;

/// Commands that may wait; callers beyond it wait for their turn to queue.
const QUEUE_MAX: usize = 4_096;

/// What a command's commit has to outlive before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outlives {
    /// This process. Nobody was promised more: after a power loss the command is as if it had never been, together with
    /// all that followed from it, because the log is written in order and the next flush covers it.
    Process,
    /// A power loss, as far as the store's options say so.
    PowerLoss,
}

/// What is asked of the thread.
enum Request {
    /// Run this within a transaction.
    Write(Outlives, Box<dyn Command>),
    /// Say the number that changes when another connection commits.
    DataVersion(oneshot::Sender<Result<u64, StoreError>>),
}

/// A write that waits for its commit.
trait Command: Send {
    /// Runs it and keeps the result. It may be run again after a rollback.
    fn run(&mut self, connection: &Connection) -> Result<(), Fault>;

    /// Tells the caller how it went. The caller may be gone; the write counts all the same.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Verb<F, T> {
    action: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Command for Verb<F, T>
where
    F: Fn(&Connection) -> Result<T, Fault> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Fault> {
        self.result = Some((self.action)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let answer = committed.and_then(|()| {
            result.ok_or_else(|| StoreError::Broken("a write was committed without having run".into()))
        });
        let _ = reply.send(answer);
    }
}

/// The way to where is written.
pub(crate) enum Writer {
    /// A thread, which does what is queued and ends when this is dropped.
    Thread(Queue),
    /// The thread of whoever asks.
    Here(SharedCommitter),
    /// Nowhere: the file can only be read.
    None,
}

/// The thread that writes, and what waits for it.
pub(crate) struct Queue {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

/// The one connection of a store without threads, on which is read, too.
#[derive(Clone)]
pub(crate) struct SharedCommitter(Arc<Mutex<Committer>>);

impl SharedCommitter {
    /// Makes a database in memory.
    pub(crate) fn in_memory(name: &str) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Mutex::new(Committer::in_memory(name)?))))
    }

    /// Runs `read` on it.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        read(self.lock().connection())
    }

    fn serve(&self, request: Request) {
        match request {
            Request::Write(outlives, command) => self.lock().commit_together(&mut vec![command], outlives),
            Request::DataVersion(reply) => self.lock().tell_data_version(reply),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Committer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Opens the file for writing, brings it to the newest schema and starts the thread.
    /// Also says which files they are.
    pub(crate) fn start(
        path: &Path,
        options: &StoreOptions,
    ) -> Result<(Self, Arc<Option<Identity>>), StoreError> {
        let committer = Committer::open(path, options)?;
        let files = committer.files();
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let thread = Builder::new()
            .name("store-writer".into())
            .spawn(|| WriterThread::new(committer, queue).run())
            .map_err(|error| StoreError::Broken(format!("cannot start the writer thread: {error}")))?;
        Ok((Self::Thread(Queue { requests: Some(requests), thread: Some(thread) }), files))
    }

    /// Runs `verb` in a transaction that other commands may share, and returns when it is durable. When `verb` fails
    /// nothing of it is kept and the others are not touched. It may run more than once, each time on a clean state.
    pub(crate) async fn write<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        self.run(Outlives::PowerLoss, verb).await
    }

    /// As [`write`](Self::write), for bookkeeping that may be undone by a power loss as long as all that came after it is
    /// undone too: it returns when other processes see it, without waiting for the disk.
    pub(crate) async fn note<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        self.run(Outlives::Process, verb).await
    }

    async fn run<T, F>(&self, outlives: Outlives, verb: F) -> Result<T, StoreError>
    where
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let command = Box::new(Verb { action: verb, result: None, reply });
        self.ask(Request::Write(outlives, command)).await?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// A number that changes whenever another connection, here or in another process, committed a change.
    pub(crate) async fn data_version(&self) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::DataVersion(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn ask(&self, request: Request) -> Result<(), StoreError> {
        match self {
            Self::Thread(queue) => {
                queue.requests.as_ref().ok_or_else(stopped)?.send(request).await.map_err(|_| stopped())
            }
            Self::Here(committer) => {
                committer.serve(request);
                Ok(())
            }
            Self::None => Err(only_read()),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn only_read() -> StoreError {
    StoreError::ReadOnly("it was opened to be read only".into())
}

fn stopped() -> StoreError {
    StoreError::Broken("the store's writer thread has stopped".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Synchronous;

    /// What the connection is set to, once `write` was committed: 0 off, 1 normal, 2 full.
    async fn setting_after(synchronous: Synchronous, outlives: Outlives) -> i64 {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { synchronous, ..StoreOptions::default() };
        let (writer, _) = Writer::start(&folder.path().join("store.db"), &options).unwrap();
        let ask = |c: &Connection| Ok(c.query_row("PRAGMA synchronous", [], |row| row.get(0))?);
        // The other kind first, so that the setting has to change.
        writer.note(ask).await.unwrap();
        writer.run(outlives, ask).await.unwrap()
    }

    #[tokio::test]
    async fn only_what_was_promised_waits_for_the_disk() {
        assert_eq!(setting_after(Synchronous::Full, Outlives::PowerLoss).await, 2);
        assert_eq!(setting_after(Synchronous::Full, Outlives::Process).await, 1);
        assert_eq!(setting_after(Synchronous::Normal, Outlives::PowerLoss).await, 1);
        assert_eq!(setting_after(Synchronous::Off, Outlives::Process).await, 0);
    }

    #[tokio::test]
    async fn a_full_disk_refuses_what_is_large_and_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (writer, _) = Writer::start(&path, &StoreOptions::default()).unwrap();
        let limit = |pages: &'static str| {
            writer.write(move |c| {
                let limit = format!("PRAGMA max_page_count = {pages}");
                Ok(c.query_row(&limit, [], |row| row.get::<_, i64>(0))?)
            })
        };
        let put = |id: u8, bytes: usize| {
            writer.write(move |c| {
                c.execute("INSERT INTO pruned (id) VALUES (?1)", [[id; 16]])?;
                let text = "x".repeat(bytes);
                Ok(c.execute("INSERT INTO breakers VALUES (?1, 0, 0, 0, NULL)", [text])?)
            })
        };
        put(1, 10).await.unwrap();
        limit("1").await.unwrap();
        // Both may share a transaction; the small one finds room in the pages that there are.
        let (large, small) = tokio::join!(put(2, 1_000_000), put(3, 10));
        assert!(matches!(large, Err(StoreError::Full(_))), "{large:?}");
        assert!(matches!(small, Err(StoreError::Broken(_))), "its text is there already: {small:?}");
        assert_eq!(put(4, 11).await.unwrap(), 1);
        limit("1000000").await.unwrap();
        put(2, 1_000_000).await.unwrap();
        let ids = writer.write(|c| {
            let mut statement = c.prepare("SELECT id FROM pruned ORDER BY id")?;
            let ids = statement.query_map([], |row| Ok(row.get::<_, [u8; 16]>(0)?[0]))?;
            Ok(ids.collect::<rusqlite::Result<Vec<u8>>>()?)
        });
        assert_eq!(ids.await.unwrap(), [1, 2, 4]);
    }
}
