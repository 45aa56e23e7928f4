//! A store with a sweeper and a pruner over it, as a process has them, and a clock that moves when it is told to.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use longshore_domain::{
    Catalog, Clock, InputViolation, JobCatalog, JobProgram, JobType, LeasesOnly, LoadedJob, Policy, Progress,
    RunOutcome, RunReport, RunRequest, StopReason, TaskStore, TimeZones, Timestamp, Usage,
};
use longshore_scheduler::{Hub, Pruner, Running, ServiceParts, Sweeper};
use longshore_store::{LocalFiles, SqliteStore, StoreOptions};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{store_file, work};

/// Callers that submit at once, each of which waits for its answer.
const CALLERS: usize = 64;
/// Expired leases that a sweep finds, and as many due tasks.
const LEFT_BEHIND: usize = 50;

/// A store and what works on it.
pub(crate) struct Queue {
    store: Arc<SqliteStore>,
    sweeper: Sweeper,
    pruner: Pruner,
    clock: Arc<StillClock>,
    /// A connection of its own.
    beside: Connection,
}

impl Queue {
    pub(crate) fn open(folder: &Path, options: StoreOptions) -> Self {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let file = store_file(folder);
        let store = SqliteStore::open(&file, options).expect("the store opens");
        let beside = Connection::open(&file).expect("the database opens");
        let clock = Arc::new(StillClock(AtomicI64::new(work::BEGINNING.ms())));
        let (_changes, catalog_changes) = watch::channel(0);
        let parts = ServiceParts {
            store: Arc::clone(&store) as Arc<dyn TaskStore>,
            files: Arc::new(LocalFiles::new(folder)),
            liveness: Arc::new(LeasesOnly),
            catalog: Arc::new(OneJobType(Arc::new(catalog()))),
            catalog_changes,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            hub: Hub::new(),
            running: Running::new(),
            payload_bytes_max: 1 << 20,
            callbacks: None,
            zones: TimeZones::bundled(),
        };
        Self { store, sweeper: Sweeper::new(parts.clone()), pruner: Pruner::new(parts), clock, beside }
    }

    /// Brings the whole write-ahead log back into the database, and says in which time.
    pub(crate) fn write_log_back(&self) -> Duration {
        let began = Instant::now();
        let (busy, pages, written): (i64, i64, i64) = self
            .beside
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .expect("the log goes back");
        assert_eq!((busy, pages), (0, written), "nobody reads or writes meanwhile");
        began.elapsed()
    }

    /// The time in which `CALLERS` callers submit `tasks` tasks.
    pub(crate) async fn submit(&self, tasks: usize) -> Duration {
        let began = Instant::now();
        work::submit(&self.store, tasks, CALLERS, self.clock.now()).await;
        began.elapsed()
    }

    /// The time in which all that is queued is claimed and ended.
    pub(crate) async fn claim_and_end(&self) -> Duration {
        let began = Instant::now();
        work::claim_and_end(&self.store, self.clock.now()).await;
        began.elapsed()
    }

    /// The time of both.
    pub(crate) async fn submit_and_end(&mut self, tasks: usize) -> Duration {
        let began = Instant::now();
        self.submit(tasks).await;
        self.claim_and_end().await;
        let time = began.elapsed();
        self.prune(tasks).await;
        time
    }

    /// The time in which those tasks, all ended, are forgotten.
    pub(crate) async fn prune(&mut self, tasks: usize) -> Duration {
        self.clock.advance();
        let began = Instant::now();
        let forgotten = self.pruner.tick(self.clock.now()).await.expect("it prunes");
        let time = began.elapsed();
        assert_eq!(forgotten, tasks as u64, "the tasks that ended, and no others, are forgotten");
        time
    }

    /// The time of a sweep that finds work, and how many tasks it handled.
    pub(crate) async fn sweep_up(&mut self) -> (Duration, usize) {
        let now = self.clock.now();
        work::submit(&self.store, LEFT_BEHIND, CALLERS, now).await;
        work::claim_and_leave(&self.store, now, LEFT_BEHIND).await;
        work::submit_for_later(&self.store, LEFT_BEHIND, now).await;
        self.clock.advance();
        let now = self.clock.now();
        self.write_log_back();
        let began = Instant::now();
        let swept = self.sweeper.tick(now).await.expect("it sweeps");
        self.write_log_back();
        let time = began.elapsed();
        assert_eq!(swept.recovered as usize, LEFT_BEHIND, "all leases ran out");
        assert_eq!(swept.promoted as usize, LEFT_BEHIND, "all that was due is queued");
        self.claim_and_end().await;
        self.prune(2 * LEFT_BEHIND).await;
        (time, 2 * LEFT_BEHIND)
    }

    /// The time of that many sweeps that find nothing.
    pub(crate) async fn sweep_in_vain(&self, sweeps: usize) -> Duration {
        let began = Instant::now();
        for _ in 0..sweeps {
            let swept = self.sweeper.tick(self.clock.now()).await.expect("it sweeps");
            assert_eq!((swept.recovered, swept.promoted, swept.overdue), (0, 0, 0), "nothing is left");
        }
        began.elapsed()
    }
}

/// A clock that stands still until it is moved on.
struct StillClock(AtomicI64);

impl StillClock {
    /// Moves on so far that every short lease runs out, all that is due soon is due, and what ended may be forgotten.
    fn advance(&self) {
        self.0.fetch_add(work::SOON_MS + 1, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

struct OneJobType(Arc<Catalog>);

impl JobCatalog for OneJobType {
    fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.0)
    }
}

/// A catalog of the one job type that the tasks are of.
fn catalog() -> Catalog {
    let job = LoadedJob {
        job_type: JobType {
            name: work::job_type(),
            version: "1.0.0".into(),
            title: "Measured".into(),
            description: "Is claimed and ended, and never run.".into(),
            input_schema: json!({ "type": "object" }),
            output_schema: None,
            permissions: Vec::new(),
        },
        policy: Policy::default(),
        component: work::component(),
        program: Arc::new(NeverRun),
    };
    let mut catalog = Catalog::default();
    catalog.jobs.insert(work::job_type(), Arc::new(job));
    catalog
}

struct NeverRun;

#[async_trait]
impl JobProgram for NeverRun {
    async fn check_input(&self, _: &Value) -> Vec<InputViolation> {
        Vec::new()
    }

    async fn run(&self, _: RunRequest) -> RunReport {
        RunReport {
            outcome: RunOutcome::Stopped(StopReason::Drain),
            usage: Usage::default(),
            progress: Progress::default(),
            artifacts: Vec::new(),
            messages: Vec::new(),
        }
    }
}
