//! The one thread that writes. It takes all commands that wait, runs them in one transaction, commits once, and only
//! then answers each: durability costs one disk flush a batch, not one a command.

use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use longshore_domain::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault::{Fault, store_error};
use crate::migrations::{forget_statistics, migrate};
use crate::{StoreOptions, connection};

/// Commands in one transaction. It bounds how long a commit is, and so how long other processes wait.
const BATCH_MAX: usize = 256;

/// Commands that may wait; callers beyond it wait for their turn to queue.
const QUEUE_MAX: usize = 4_096;

/// Batches after a sign of another process that writes during which this one leaves gaps for it.
const POLITE_BATCHES: u32 = 200;

/// The gap between two batches, a little longer than the other process's wait between two tries.
const GAP: Duration = Duration::from_micros(400);

/// What is asked of the thread.
enum Request {
    /// Run this within a transaction.
    Write(Box<dyn Command>),
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

/// The way to the thread that writes. When it is dropped the thread does what is queued and ends.
pub(crate) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens the file for writing, brings it to the newest schema and starts the thread.
    pub(crate) fn start(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        connection::be_patient(options.busy_timeout);
        let mut connection = connection::open_writer(path, options).map_err(|error| store_error(&error))?;
        migrate(&mut connection)?;
        if forget_statistics(&connection)? {
            connection = connection::open_writer(path, options).map_err(|error| store_error(&error))?;
        }
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let patience = options.busy_timeout;
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                connection::be_patient(patience);
                WriterThread { connection, queue, data_version: 0, polite_batches: 0 }.run();
            })
            .map_err(|error| StoreError::Broken(format!("cannot start the writer thread: {error}")))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Runs `verb` in a transaction that other commands may share, and returns when it is committed. When `verb` fails
    /// nothing of it is kept and the others are not touched. It may run more than once, each time on a clean state.
    pub(crate) async fn write<T, F>(&self, verb: F) -> Result<T, StoreError>
    where
        F: Fn(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Write(Box::new(Verb { action: verb, result: None, reply }))).await?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// A number that changes whenever another connection, here or in another process, committed a change.
    pub(crate) async fn data_version(&self) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::DataVersion(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn ask(&self, request: Request) -> Result<(), StoreError> {
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        requests.send(request).await.map_err(|_| stopped())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Broken("the store's writer thread has stopped".into())
}

struct WriterThread {
    connection: Connection,
    queue: mpsc::Receiver<Request>,
    /// What it was when the last batch began.
    data_version: u64,
    /// Batches still to be followed by a gap.
    polite_batches: u32,
}

impl WriterThread {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while let Some(request) = self.queue.blocking_recv() {
            self.take(request, &mut batch);
            while batch.len() < BATCH_MAX
                && let Ok(request) = self.queue.try_recv()
            {
                self.take(request, &mut batch);
            }
            if !batch.is_empty() {
                self.commit_together(&mut batch);
                self.leave_a_gap();
            }
        }
    }

    fn take(&self, request: Request, batch: &mut Vec<Box<dyn Command>>) {
        match request {
            Request::Write(command) => batch.push(command),
            Request::DataVersion(reply) => {
                let _ = reply.send(self.read_data_version().map_err(|error| store_error(&error)));
            }
        }
    }

    /// Runs the commands in one transaction. If one fails all are rolled back and each runs alone, so that only that
    /// one is undone. Failures are rare; a savepoint for each command would cost all of them.
    fn commit_together(&mut self, batch: &mut Vec<Box<dyn Command>>) {
        match self.run_in_transaction(batch) {
            Ok(()) => answer_all(batch, &Ok(())),
            Err(fault) if batch.len() == 1 => answer_all(batch, &Err(fault.into())),
            Err(Fault::Sql(error)) if crate::fault::is_busy(&error) => {
                answer_all(batch, &Err(store_error(&error)));
            }
            Err(_) => {
                for command in batch.drain(..) {
                    let mut alone = vec![command];
                    let committed = self.run_in_transaction(&mut alone).map_err(StoreError::from);
                    answer_all(&mut alone, &committed);
                }
            }
        }
    }

    fn run_in_transaction(&mut self, batch: &mut [Box<dyn Command>]) -> Result<(), Fault> {
        // Taken at the start: a command that reads first and writes later could otherwise find that its snapshot is
        // out of date.
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.watch_for_others();
        let done = batch
            .iter_mut()
            .try_for_each(|command| command.run(&self.connection))
            .and_then(|()| Ok(self.connection.prepare_cached("COMMIT")?.execute([])?));
        match done {
            Ok(_) => Ok(()),
            Err(fault) => {
                // Some errors make SQLite roll back by itself.
                if !self.connection.is_autocommit() {
                    self.connection.prepare_cached("ROLLBACK")?.execute([])?;
                }
                tracing::warn!(%fault, commands = batch.len(), "a batch of writes was rolled back");
                Err(fault)
            }
        }
    }

    /// Notes whether another process wrote since the last batch.
    fn watch_for_others(&mut self) {
        if let Ok(now) = self.read_data_version() {
            if self.data_version != 0 && now != self.data_version {
                self.polite_batches = POLITE_BATCHES;
            }
            self.data_version = now;
        }
    }

    /// SQLite's write lock knows no queue: a process that takes it again at once shuts out all others, which only look
    /// from time to time. So while others write too, a batch that would follow at once waits a little.
    fn leave_a_gap(&mut self) {
        if self.polite_batches > 0 {
            self.polite_batches -= 1;
            if !self.queue.is_empty() {
                thread::sleep(GAP);
            }
        }
    }

    fn read_data_version(&self) -> rusqlite::Result<u64> {
        let version: i64 =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(version as u64)
    }
}

fn answer_all(batch: &mut Vec<Box<dyn Command>>, committed: &Result<(), StoreError>) {
    for command in batch.drain(..) {
        command.answer(committed.clone());
    }
}
