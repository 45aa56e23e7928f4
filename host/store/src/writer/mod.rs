//! The one thread that writes. It takes all commands that wait, runs them in one transaction, commits once, and only
//! then answers each: durability costs one disk flush a batch, not one a command. A batch of bookkeeping alone does not
//! wait for the disk at all.

mod crowd;

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use longshore_domain::StoreError;
use rusqlite::{Connection, MAIN_DB};
use tokio::sync::{mpsc, oneshot};

use self::crowd::LastFlush;
use crate::fault::{Fault, store_error};
use crate::identity::Identity;
use crate::migrations::{forget_statistics, migrate, refuse_foreign};
use crate::trouble::Trouble;
use crate::{StoreOptions, Synchronous, connection};

/// Commands in one transaction. It bounds how long a commit is, and so how long other processes wait.
const BATCH_MAX: usize = 256;

/// Commands that may wait; callers beyond it wait for their turn to queue.
const QUEUE_MAX: usize = 4_096;

/// How long is waited for another program that was in the way the last time, too: long enough for any of ours, and short
/// enough that those who ask hear soon that it still is.
const PATIENCE_WHEN_BUSY: Duration = Duration::from_secs(1);

/// Batches after a sign of another process that writes during which this one leaves gaps for it.
const POLITE_BATCHES: u32 = 200;

/// The gap between two batches, a little longer than the other process's wait between two tries.
const GAP: Duration = Duration::from_micros(400);

/// The wait between two looks for callers who come back.
const GATHER_STEP: Duration = Duration::from_micros(20);

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

/// The way to the thread that writes. When it is dropped the thread does what is queued and ends.
pub(crate) struct Writer {
    /// None where the file can only be read.
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens the file for writing, brings it to the newest schema and starts the thread.
    /// Also says which files they are.
    pub(crate) fn start(
        path: &Path,
        options: &StoreOptions,
    ) -> Result<(Self, Arc<Option<Identity>>), StoreError> {
        connection::be_patient(options.busy_timeout);
        refuse_foreign(path)?;
        let mut connection = connection::open_writer(path, options).map_err(|error| store_error(&error))?;
        // SQLite opens a file that it may not write to as one to read.
        if connection.is_readonly(MAIN_DB).map_err(|error| store_error(&error))? {
            return Err(StoreError::ReadOnly(format!("{} may not be written", path.display())));
        }
        migrate(&mut connection)?;
        if forget_statistics(&connection)? {
            connection = connection::open_writer(path, options).map_err(|error| store_error(&error))?;
        }
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let patience = options.busy_timeout;
        let synchronous = options.synchronous;
        let files = Arc::new(Identity::of(path));
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let files = Arc::clone(&files);
                move || {
                    let commits = Commits { promised: synchronous, now: synchronous };
                    let trouble = Trouble::default();
                    WriterThread {
                        connection,
                        queue,
                        commits,
                        files,
                        patience,
                        trouble,
                        last: LastFlush::default(),
                        data_version: 0,
                        polite_batches: 0,
                    }
                    .run();
                }
            })
            .map_err(|error| StoreError::Broken(format!("cannot start the writer thread: {error}")))?;
        Ok((Self { requests: Some(requests), thread: Some(thread) }, files))
    }

    /// In place of a writer, for a file that can only be read.
    pub(crate) fn none() -> Self {
        Self { requests: None, thread: None }
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
        let requests = self.requests.as_ref().ok_or_else(only_read)?;
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

fn only_read() -> StoreError {
    StoreError::ReadOnly("it was opened to be read only".into())
}

fn stopped() -> StoreError {
    StoreError::Broken("the store's writer thread has stopped".into())
}

/// What commits wait for.
struct Commits {
    /// What the store's options promise of a durable commit.
    promised: Synchronous,
    /// What the connection is set to.
    now: Synchronous,
}

impl Commits {
    /// Sets the connection so that the next commit outlives that.
    fn shall_outlive(&mut self, connection: &Connection, outlives: Outlives) -> rusqlite::Result<()> {
        let wanted = match (outlives, self.promised) {
            (Outlives::Process, Synchronous::Full) => Synchronous::Normal,
            (_, promised) => promised,
        };
        if wanted != self.now {
            // Not a prepared statement: this pragma acts when it is prepared.
            connection.execute_batch(&format!("PRAGMA synchronous = {}", wanted.pragma()))?;
            self.now = wanted;
        }
        Ok(())
    }
}

/// Commands that share a transaction.
struct Batch {
    commands: Vec<Box<dyn Command>>,
    /// Those of them that wait for the disk; bookkeeping only comes along.
    durable: usize,
}

impl Batch {
    /// The most that one of the commands asks for.
    fn outlives(&self) -> Outlives {
        if self.durable > 0 { Outlives::PowerLoss } else { Outlives::Process }
    }
}

struct WriterThread {
    connection: Connection,
    queue: mpsc::Receiver<Request>,
    commits: Commits,
    last: LastFlush,
    files: Arc<Option<Identity>>,
    /// How long other programs are waited for.
    patience: Duration,
    trouble: Trouble,
    /// What it was when the last batch began.
    data_version: u64,
    /// Batches still to be followed by a gap.
    polite_batches: u32,
}

impl WriterThread {
    fn run(mut self) {
        let mut batch = Batch { commands: Vec::with_capacity(BATCH_MAX), durable: 0 };
        while let Some(request) = self.queue.blocking_recv() {
            batch.durable = 0;
            self.take(request, &mut batch);
            self.take_all(&mut batch);
            if batch.outlives() == Outlives::PowerLoss && self.commits.promised == Synchronous::Full {
                self.gather(&mut batch);
                let began = Instant::now();
                self.commit_together(&mut batch);
                self.last.flushed(batch.durable, began.elapsed());
                self.leave_a_gap();
            } else if !batch.commands.is_empty() {
                self.commit_together(&mut batch);
                self.leave_a_gap();
            }
        }
    }

    fn take_all(&mut self, batch: &mut Batch) {
        while batch.commands.len() < BATCH_MAX
            && let Ok(request) = self.queue.try_recv()
        {
            self.take(request, batch);
        }
    }

    /// Waits a little for callers who are likely to come back with the next command at once.
    fn gather(&mut self, batch: &mut Batch) {
        let first = batch.durable;
        let expected = self.last.expected(first).min(BATCH_MAX);
        if expected <= first {
            return;
        }
        let until = Instant::now() + self.last.patience();
        while batch.durable < expected && batch.commands.len() < BATCH_MAX && Instant::now() < until {
            thread::sleep(GATHER_STEP);
            self.take_all(batch);
        }
        self.last.waited(expected - first, batch.durable - first);
    }

    fn take(&self, request: Request, batch: &mut Batch) {
        match request {
            Request::Write(outlives, command) => {
                batch.durable += usize::from(outlives == Outlives::PowerLoss);
                batch.commands.push(command);
            }
            Request::DataVersion(reply) => {
                let _ = reply.send(self.read_data_version().map_err(|error| store_error(&error)));
            }
        }
    }

    /// Runs the commands in one transaction. If one fails all are rolled back and each runs alone, so that only that
    /// one is undone. Failures are rare; a savepoint for each command would cost all of them. Where the machine failed
    /// all have failed; only on a full disk there may be room for those that write little.
    fn commit_together(&mut self, batch: &mut Batch) {
        let outlives = batch.outlives();
        let commands = &mut batch.commands;
        connection::be_patient(if self.trouble.is_busy() {
            self.patience.min(PATIENCE_WHEN_BUSY)
        } else {
            self.patience
        });
        match self.run_in_transaction(commands, outlives) {
            Ok(changed) => {
                // A batch that changed nothing has written nothing, and so says nothing of the disk.
                if changed {
                    self.trouble.over();
                }
                answer_all(commands, &Ok(()));
            }
            Err(fault) if commands.len() == 1 || fault.is_of_the_machine() => {
                let error = self.told(fault, commands.len());
                answer_all(commands, &Err(error));
            }
            Err(_) => {
                for command in commands.drain(..) {
                    let mut alone = vec![command];
                    let committed = self
                        .run_in_transaction(&mut alone, outlives)
                        .map(drop)
                        .map_err(|fault| self.told(fault, alone.len()));
                    answer_all(&mut alone, &committed);
                }
            }
        }
    }

    /// What callers are told of a failure that the operator has been told of.
    fn told(&mut self, fault: Fault, commands: usize) -> StoreError {
        let error = StoreError::from(fault);
        if let Some(files) = Option::as_ref(&self.files) {
            files.note(&error);
        }
        if !self.trouble.note(&error) && !matches!(error, StoreError::NoSuchPage) {
            tracing::warn!(%error, commands, "a batch of writes was rolled back");
        }
        error
    }

    /// Runs the commands in one transaction, and says whether they changed anything.
    fn run_in_transaction(
        &mut self,
        commands: &mut [Box<dyn Command>],
        outlives: Outlives,
    ) -> Result<bool, Fault> {
        self.check_files()?;
        self.commits.shall_outlive(&self.connection, outlives)?;
        // Taken at the start: a command that reads first and writes later could otherwise find that its snapshot is
        // out of date.
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.watch_for_others();
        let changes = self.connection.total_changes();
        let done = commands
            .iter_mut()
            .try_for_each(|command| command.run(&self.connection))
            .and_then(|()| Ok(self.connection.prepare_cached("COMMIT")?.execute([])?));
        match done {
            // Looked at again: only what can be found may be acknowledged.
            Ok(_) => self.check_files().map(|()| self.connection.total_changes() != changes),
            Err(fault) => {
                // Some errors make SQLite roll back by itself.
                if !self.connection.is_autocommit() {
                    self.connection.prepare_cached("ROLLBACK")?.execute([])?;
                }
                Err(fault)
            }
        }
    }

    fn check_files(&self) -> Result<(), Fault> {
        Option::as_ref(&self.files).map_or(Ok(()), Identity::check)
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

#[cfg(test)]
mod tests {
    use super::*;

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

    fn waiting(command: i64) -> Request {
        let (reply, _) = oneshot::channel();
        Request::Write(
            Outlives::PowerLoss,
            Box::new(Verb { action: move |_: &Connection| Ok(command), result: None, reply }),
        )
    }

    #[test]
    fn a_flush_waits_for_no_more_callers_than_the_last_one_had_and_not_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let connection =
            connection::open_writer(&folder.path().join("store.db"), &StoreOptions::default()).unwrap();
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let commits = Commits { promised: Synchronous::Full, now: Synchronous::Full };
        let hour = Duration::from_secs(3_600);
        let mut thread = WriterThread {
            connection,
            queue,
            commits,
            last: LastFlush::default(),
            files: Arc::default(),
            patience: Duration::ZERO,
            trouble: Trouble::default(),
            data_version: 0,
            polite_batches: 0,
        };
        let mut batch = Batch { commands: Vec::new(), durable: 0 };
        thread.last.flushed(1, hour);
        thread.take(waiting(1), &mut batch);
        requests.try_send(waiting(2)).ok().unwrap();
        thread.gather(&mut batch);
        assert_eq!(batch.commands.len(), 1, "a lone caller waits for nobody");

        thread.last.flushed(3, hour);
        let began = Instant::now();
        thread.gather(&mut batch);
        assert_eq!(batch.commands.len(), 2, "the other one that is there comes along");
        assert!(began.elapsed() >= thread.last.patience() && began.elapsed() < Duration::from_secs(10));
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
