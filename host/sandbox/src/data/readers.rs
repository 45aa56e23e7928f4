//! Who reads for attempts, and how many of them at once.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::data::child::Process;
use crate::data::desk::Desk;
use crate::data::open_cursors::OpenCursors;

/// Processes that are kept for the next attempts. They end by themselves when none comes.
const IDLE_MAX: usize = 8;

/// Threads that all attempts of a host may have for their queries; each attempt counts as many as it has cursors at most.
const THREADS_MAX: u32 = 1_024;

/// Of the machine's memory, the part that the queries of all attempts of a host may take, and the least that is.
const PART_OF_MEMORY: u64 = 2;
const MEMORY_MIB_MIN: u64 = 1_024;

const MIB: u64 = 1 << 20;

/// The readers of a host.
pub(crate) struct Readers {
    /// Without a program the queries are read within this process.
    program: Option<PathBuf>,
    idle: Mutex<Vec<Process>>,
    attempts: AtomicU64,
    threads: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    memory_mib: u32,
}

impl Readers {
    pub(crate) fn new(program: Option<PathBuf>) -> Arc<Self> {
        let mib = (machine_memory_bytes() / PART_OF_MEMORY / MIB).max(MEMORY_MIB_MIN);
        Self::with_room(program, THREADS_MAX, u32::try_from(mib).unwrap_or(u32::MAX >> 4))
    }

    pub(crate) fn with_room(program: Option<PathBuf>, threads: u32, memory_mib: u32) -> Arc<Self> {
        Arc::new(Self {
            program,
            idle: Mutex::default(),
            attempts: AtomicU64::new(0),
            threads: Arc::new(Semaphore::new(threads as usize)),
            memory: Arc::new(Semaphore::new(memory_mib as usize)),
            memory_mib,
        })
    }

    /// A place for an attempt of at most so many cursors and so much memory. It waits until those that have one leave room:
    /// in turn, and for what it may take rather than for what it takes, so that nobody who began has to wait for another.
    async fn place(self: &Arc<Self>, cursors_max: u32, memory_bytes_max: u64) -> io::Result<Place> {
        let memory = u32::try_from(memory_bytes_max.div_ceil(MIB)).unwrap_or(u32::MAX).min(self.memory_mib);
        let (threads, room) = (Arc::clone(&self.threads), Arc::clone(&self.memory));
        let threads = threads.acquire_many_owned(cursors_max.min(THREADS_MAX)).await;
        let threads = threads.map_err(io::Error::other)?;
        let memory = room.acquire_many_owned(memory).await.map_err(io::Error::other)?;
        Ok(Place {
            reader: self.reader()?,
            number: self.attempts.fetch_add(1, Ordering::Relaxed),
            _threads: threads,
            _memory: memory,
        })
    }

    fn reader(&self) -> io::Result<Reader> {
        let Some(program) = &self.program else { return Ok(Reader::Within(Arc::default())) };
        if let Some(process) = self.idle().pop() {
            return Ok(Reader::Process(process));
        }
        Process::start(program).map(Reader::Process).map_err(|error| {
            io::Error::new(error.kind(), format!("{} does not start: {error}", program.display()))
        })
    }

    fn give_back(&self, mut process: Process) {
        process.is_used = true;
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(process);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an attempt that reads has of the host.
struct Place {
    reader: Reader,
    number: u64,
    _threads: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

enum Reader {
    Process(Process),
    Within(Arc<Desk>),
}

/// The queries of an attempt. Whoever still works on one when this is dropped is killed.
pub(crate) struct Queries {
    readers: Arc<Readers>,
    pub(crate) cursors: OpenCursors,
    cursors_max: u32,
    memory_bytes_max: u64,
    place: Option<Place>,
}

impl Queries {
    pub(crate) fn new(readers: &Arc<Readers>, cursors_max: u32, memory_bytes_max: u64) -> Self {
        Self {
            readers: Arc::clone(readers),
            cursors: OpenCursors::default(),
            cursors_max,
            memory_bytes_max,
            place: None,
        }
    }

    /// The number of this attempt among those of this process. The first time it may wait for other attempts.
    pub(crate) async fn begin(&mut self) -> io::Result<u64> {
        let place = match self.place.take() {
            Some(place) => place,
            None => self.readers.place(self.cursors_max, self.memory_bytes_max).await?,
        };
        Ok(self.place.insert(place).number)
    }

    /// Has the query that comes over `socket` answered.
    pub(crate) fn take(&self, socket: UnixStream) -> io::Result<()> {
        match self.place.as_ref().map(|place| &place.reader) {
            Some(Reader::Process(process)) => process.take(&socket),
            Some(Reader::Within(desk)) => desk.take(socket),
            None => Err(io::Error::other("there is no reader")),
        }
    }

    /// Has another process in place of one that ended while it was idle. Whether it makes sense to ask again.
    pub(crate) fn renew(&mut self) -> io::Result<bool> {
        let Some(place) = &mut self.place else { return Ok(false) };
        let is_idle = self.cursors.count() == 0;
        match &mut place.reader {
            Reader::Process(process) if is_idle && process.is_used => {
                // Those beside it were idle for as long, and may have ended, too.
                self.readers.idle().clear();
                place.reader = self.readers.reader()?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        if let Some(Place { reader: Reader::Process(process), .. }) = self.place.take()
            && self.cursors.count() == 0
        {
            self.readers.give_back(process);
        }
    }
}

/// Memory of this machine, or of the group of processes that this one is confined to.
fn machine_memory_bytes() -> u64 {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let of_machine = read("/proc/meminfo").lines().find_map(|line| {
        let kib = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()?.checked_mul(1_024)
    });
    let of_group = read("/sys/fs/cgroup/memory.max").trim().parse().ok();
    of_machine.into_iter().chain(of_group).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_waits_for_room_and_then_has_it() {
        let readers = Readers::with_room(None, 16, 512);
        let of = |cursors_max, mib: u64| Queries::new(&readers, cursors_max, mib * MIB);
        let (mut first, mut second) = (of(8, 256), of(8, 256));
        let numbers = (first.begin().await.unwrap(), second.begin().await.unwrap());
        assert_ne!(numbers.0, numbers.1);
        assert_eq!(first.begin().await.unwrap(), numbers.0, "one attempt, one place");
        // One may have too many threads, the other too much memory, a third more than there is at all.
        for (cursors_max, mib) in [(9, 1), (1, 257), (1_000, 1 << 20)] {
            let mut waiting = of(cursors_max.min(16), mib);
            let mut begun = Box::pin(waiting.begin());
            assert!(futures::poll!(&mut begun).is_pending(), "{cursors_max} {mib}");
            drop((std::mem::replace(&mut first, of(8, 256)), std::mem::replace(&mut second, of(8, 256))));
            begun.await.unwrap();
            drop(waiting);
            first.begin().await.unwrap();
            second.begin().await.unwrap();
        }
    }
}
