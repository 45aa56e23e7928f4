//! Several processes on one database, a clock that the simulation moves, and a look at the tables after each step.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use longshore_domain::{Clock, Overlap, Policy, RetryPolicy, TaskId, TaskStore as _};

use crate::book::SharedBook;
use crate::calls;
use crate::check;
use crate::common::ManualClock;
use crate::database::Database;
use crate::process::{Process, SLOTS, Shared};
use crate::seen::{self, Seen};
use crate::tables::{Place, Snapshot};

/// Processes at any time.
const PROCESSES: usize = 3;
/// The job types that there are.
pub(crate) const JOB_TYPES: [&str; 3] = ["alpha", "beta", "gamma"];

/// What happened so far, for whoever has to find out why a run failed.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) struct World {
    pub(crate) processes: Vec<Process>,
    database: Rc<Database>,
    pub(crate) shared: Shared,
    pub(crate) rng: Rng,
    pub(crate) snapshot: Snapshot,
    pub(crate) step: u64,
    /// Processes and versions of job types so far.
    made: u64,
    /// What happened so far, by its kind.
    pub(crate) seen: Seen,
    trace: Trace,
}

impl World {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        // The scheduler's own chance, in its backoffs, follows the seed too.
        fastrand::seed(seed);
        let database = Database::emptied();
        let shared = Shared {
            store: database.store.clone(),
            clock: Arc::new(ManualClock::default()),
            book: SharedBook::default(),
            calm: Arc::new(AtomicBool::new(false)),
            gone: Arc::default(),
        };
        let first = Process::start(&shared, "p0".into());
        let mut world = Self {
            processes: vec![first],
            database,
            shared,
            rng: Rng::with_seed(seed),
            snapshot: Snapshot::new(),
            step: 0,
            made: 0,
            seen: Seen::new(),
            trace,
        };
        world.load_all(0);
        world.processes[0].schedule("alpha", "*/5 * * * * *", Overlap::Skip);
        world.processes[0].schedule("beta", "*/10 * * * * *", Overlap::Queue);
        for index in 1..PROCESSES {
            world.processes.push(Process::start(&world.shared, format!("p{index}")));
            world.load_all(index);
        }
        world
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        let ms = self.shared.clock.now().ms() % 1_000_000_000;
        self.trace.add(format!("{:>4} {ms:>9} ms  {}", self.step, line.as_ref()));
    }

    /// Loads every job type into a process.
    pub(crate) fn load_all(&mut self, index: usize) {
        for name in JOB_TYPES {
            self.load(index, name);
        }
    }

    /// Loads a version of a job type with a policy of its own into a process.
    pub(crate) fn load(&mut self, index: usize, name: &str) {
        self.made += 1;
        let policy = policy(name, &mut self.rng);
        self.processes[index].load(name, policy, self.made);
    }

    /// Ends a process where it stands, and starts another in its place that knows no job type yet.
    pub(crate) fn replace(&mut self, index: usize) {
        self.made += 1;
        let name = format!("p{index}.{}", self.made);
        // The old one must be gone first, as its name is on its leases.
        let ended = self.processes.remove(index).name.clone();
        self.shared.gone.add(&ended);
        self.processes.insert(index, Process::start(&self.shared, name));
    }

    /// Lets one that stands still go on, up to where it stands still again.
    pub(crate) fn release(&mut self, index: usize, chosen: usize, chance: u64, fail: bool) {
        let process = &self.processes[index];
        let what = process.release(chosen, chance, fail);
        self.say(format!("{}: {what}", process.name));
        process.settle();
    }

    /// A task that is there.
    pub(crate) fn any_task(&mut self) -> Option<TaskId> {
        let count = self.snapshot.len();
        let chosen = (count > 0).then(|| self.rng.usize(0..count))?;
        // By the order of submission: ids are not the same in each run of a seed.
        let mut tasks: Vec<_> = self.snapshot.iter().map(|(id, task)| (task.seq, *id)).collect();
        tasks.sort_unstable();
        Some(tasks[chosen].1)
    }

    /// Looks at the tables if a call may have changed them.
    pub(crate) fn check(&mut self) {
        let called = self.shared.book.with(|book| !book.calls.is_empty());
        if called {
            let changed = self.database.tables.borrow_mut().read_if_changed();
            let after = changed.as_ref().unwrap_or(&self.snapshot);
            self.shared.book.with(|book| {
                check::check(&self.snapshot, after, book);
                if let Some(call) = book.calls.pop() {
                    calls::check(&call, &self.snapshot, after, book);
                    for kind in seen::kinds(&call) {
                        *self.seen.entry(kind).or_default() += 1;
                    }
                }
            });
            if let Some(after) = changed {
                self.snapshot = after;
            }
        }
        for process in &self.processes {
            assert!(
                process.attempts() <= SLOTS as usize,
                "{} runs {} attempts on {SLOTS} slots",
                process.name,
                process.attempts()
            );
            if process.ends_clean() {
                self.holds_nothing(process);
            }
        }
    }

    /// A process that has drained leaves nothing behind that would have to wait for a lease to expire.
    fn holds_nothing(&self, process: &Process) {
        let held = self
            .snapshot
            .values()
            .find(|task| matches!(task.place(), Place::Running { worker, .. } if *worker == process.name));
        assert!(held.is_none(), "{} has drained and still holds {held:?}", process.name);
    }

    /// Lets everything come to its end from now on: jobs no longer misbehave.
    pub(crate) fn calm_down(&mut self) {
        self.shared.calm.store(true, Ordering::SeqCst);
        for index in 0..self.processes.len() {
            if self.processes[index].is_drained() {
                self.replace(index);
            }
            self.processes[index].stalled_until = 0;
            self.load_all(index);
        }
    }

    /// Ends every pause. Somebody who asked for one before all was calm may still be heard.
    pub(crate) fn resume_all(&self) {
        for name in JOB_TYPES {
            let resume = async { self.shared.store.resume(&name.parse().unwrap()).await };
            futures::executor::block_on(resume).unwrap();
        }
        self.shared.book.with(|book| book.paused.clear());
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }
}

/// A policy as an operator might have written it for that job type, never twice the same.
fn policy(name: &str, rng: &mut Rng) -> Policy {
    let retry = RetryPolicy {
        max_attempts: rng.u32(1..5),
        min_backoff_ms: rng.u64(0..3_000),
        max_backoff_ms: rng.u64(1_000..20_000),
        max_doublings: rng.u32(0..6),
        max_retry_duration_ms: if name == "gamma" { rng.u64(0..30_000) } else { 0 },
        retry_traps: rng.bool(),
        ..RetryPolicy::default()
    };
    let concurrency = match name {
        "alpha" => None,
        "beta" => Some(1),
        _ => Some(rng.u32(1..4)),
    };
    Policy { concurrency, retry, ..Policy::default() }
}
