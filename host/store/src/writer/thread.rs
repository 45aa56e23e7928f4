//! The thread that writes: takes all commands that wait, and has them committed together.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::committer::Committer;
use super::crowd::LastFlush;
use super::{Command, Outlives, Request};
use crate::Synchronous;

/// Commands in one transaction. It bounds how long a commit is, and so how long other processes wait.
const BATCH_MAX: usize = 256;

/// Batches after a sign of another process that writes during which this one leaves gaps for it.
const POLITE_BATCHES: u32 = 200;

/// The gap between two batches, a little longer than the other process's wait between two tries.
const GAP: Duration = Duration::from_micros(400);

/// The wait between two looks for callers who come back.
const GATHER_STEP: Duration = Duration::from_micros(20);

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

/// What the thread works with.
pub(super) struct WriterThread {
    committer: Committer,
    queue: mpsc::Receiver<Request>,
    last: LastFlush,
    /// Batches still to be followed by a gap.
    polite_batches: u32,
}

impl WriterThread {
    pub(super) fn new(committer: Committer, queue: mpsc::Receiver<Request>) -> Self {
        Self { committer, queue, last: LastFlush::default(), polite_batches: 0 }
    }

    /// Does what comes until nobody is left who could ask.
    pub(super) fn run(mut self) {
        let mut batch = Batch { commands: Vec::with_capacity(BATCH_MAX), durable: 0 };
        while let Some(request) = self.queue.blocking_recv() {
            batch.durable = 0;
            self.take(request, &mut batch);
            self.take_all(&mut batch);
            if batch.outlives() == Outlives::PowerLoss && self.committer.promised() == Synchronous::Full {
                self.gather(&mut batch);
                let began = Instant::now();
                self.commit(&mut batch);
                self.last.flushed(batch.durable, began.elapsed());
                self.leave_a_gap();
            } else if !batch.commands.is_empty() {
                self.commit(&mut batch);
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
                self.committer.tell_data_version(reply);
            }
        }
    }

    fn commit(&mut self, batch: &mut Batch) {
        let outlives = batch.outlives();
        self.committer.commit_together(&mut batch.commands, outlives);
        if self.committer.take_others_wrote() {
            self.polite_batches = POLITE_BATCHES;
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
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tokio::sync::oneshot;

    use super::*;
    use crate::StoreOptions;
    use crate::writer::Verb;

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
        let committer = Committer::open(&folder.path().join("store.db"), &StoreOptions::default()).unwrap();
        let (requests, queue) = mpsc::channel(4);
        let hour = Duration::from_secs(3_600);
        let mut thread = WriterThread::new(committer, queue);
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
}
