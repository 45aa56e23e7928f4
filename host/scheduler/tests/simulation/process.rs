//! One simulated process: its service, its loops and its attempts, all on one runtime that is dropped when the process
//! crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longshore_domain::{
    AddScheduleAnswer, Clock, ComponentSha, NewSchedule, Origin, Overlap, Owner, Policy, StopReason, TaskId,
    TimeZones, WorkerId,
};
use longshore_scheduler::{
    Channel, ChannelPolicy, Courier, Dispatcher, DispatcherOptions, Hub, Running, ServiceParts,
    SubmitRequest, Sweeper, TaskService, Timekeeper,
};
use longshore_store::SqliteStore;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::book::{KnownSchedule, SharedBook};
use crate::common::{Gone, ManualClock, Shelf, loaded};
use crate::gates::Gates;
use crate::outside::{NoFiles, RecordingSink};
use crate::program::Chancy;
use crate::store::GatedStore;

pub(crate) const LEASE: Duration = Duration::from_secs(6);
/// Longest time of one try to deliver a message.
const TRY: Duration = Duration::from_secs(60);
/// Attempts that a process runs at once.
pub(crate) const SLOTS: u32 = 4;

/// What a supervisor does again and again, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loop {
    Dispatch,
    Heartbeat,
    StopUnwanted,
    Sweep,
    Recover,
    Promote,
    Deliver,
    KeepTime,
}

impl Loop {
    pub(crate) const ALL: [Self; 8] = [
        Self::Dispatch,
        Self::Heartbeat,
        Self::StopUnwanted,
        Self::Sweep,
        Self::Recover,
        Self::Promote,
        Self::Deliver,
        Self::KeepTime,
    ];
}

/// What the processes have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    /// One for all of them. What a process that ends leaves in it was committed before, or is not there.
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) book: SharedBook,
    pub(crate) calm: Arc<AtomicBool>,
    pub(crate) gone: Arc<Gone>,
}

pub(crate) struct Process {
    // Dropped first: what runs must be gone before what it runs on.
    runtime: Runtime,
    pub(crate) name: String,
    pub(crate) gates: Arc<Gates>,
    shared: Shared,
    parts: ServiceParts,
    service: Arc<TaskService>,
    dispatcher: Arc<Dispatcher>,
    sweeper: Arc<Sweeper>,
    courier: Arc<Courier>,
    timekeeper: Arc<Timekeeper>,
    shelf: Arc<Shelf>,
    program: Arc<Chancy>,
    under_way: Arc<Mutex<BTreeSet<Loop>>>,
    drained: Arc<AtomicBool>,
    /// Whether the store failed it, so that what it was to write may be missing.
    failed: AtomicBool,
    /// The step at which a stalled process goes on.
    pub(crate) stalled_until: u64,
}

impl Process {
    pub(crate) fn start(shared: &Shared, name: String) -> Self {
        let (hub, running) = (Hub::new(), Running::new());
        let gates = Gates::new(hub.clone(), running.clone());
        let book = shared.book.clone();
        let store = Arc::new(GatedStore {
            store: Arc::clone(&shared.store),
            gates: gates.clone(),
            book: book.clone(),
        });
        let shelf = Arc::<Shelf>::default();
        let (_changes, catalog_changes) = watch::channel(0);
        let parts = ServiceParts {
            store: store.clone(),
            files: Arc::new(NoFiles { book: book.clone() }),
            liveness: shared.gone.clone(),
            catalog: shelf.clone(),
            catalog_changes,
            clock: shared.clock.clone(),
            hub,
            running,
            payload_bytes_max: 1 << 10,
            callbacks: None,
            zones: TimeZones::bundled(),
        };
        let sink = RecordingSink { gates: gates.clone(), book: book.clone() };
        // Only the simulation ends a try, so its timeout is longer than any run.
        let policy = ChannelPolicy { timeout: TRY, ..ChannelPolicy::default() };
        let channels = BTreeMap::from([("email".to_owned(), Channel { sink: Arc::new(sink), policy })]);
        let worker = WorkerId::new(&*name);
        let dispatcher = DispatcherOptions { worker: worker.clone(), slots: SLOTS, lease: LEASE };
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap(),
            name,
            shared: shared.clone(),
            service: TaskService::new(parts.clone()),
            dispatcher: Dispatcher::new(parts.clone(), dispatcher),
            sweeper: Arc::new(Sweeper::new(parts.clone())),
            courier: Arc::new(Courier::new(worker, store.clone(), shared.clock.clone(), channels)),
            timekeeper: Arc::new(Timekeeper::new(parts.clone())),
            program: Arc::new(Chancy {
                store,
                gates: gates.clone(),
                clock: shared.clock.clone(),
                book,
                calm: shared.calm.clone(),
            }),
            gates,
            parts,
            shelf,
            under_way: Arc::default(),
            drained: Arc::default(),
            failed: AtomicBool::new(false),
            stalled_until: 0,
        }
    }

    /// Makes the job type known with this policy, as another version when it is known.
    pub(crate) fn load(&self, name: &str, policy: Policy, version: u64) {
        let component = ComponentSha::new(format!("{version:064x}"));
        let job = loaded(name, policy, component, self.program.clone());
        self.shelf.change(|jobs| jobs.insert(job.job_type.name.clone(), Arc::new(job)));
    }

    /// Keeps a schedule of `job_type` that is due from the beginning.
    pub(crate) fn schedule(&self, job_type: &str, cron: &str, overlap: Overlap) {
        let new = NewSchedule {
            owner: Owner::local(),
            name: job_type.into(),
            origin: Origin::Agent,
            job_type: job_type.parse().unwrap(),
            payload: "{}".into(),
            cron: cron.into(),
            time_zone: "UTC".into(),
            overlap,
            priority: 0,
            created_at: self.shared.clock.now(),
            next_at: self.shared.clock.now(),
        };
        let added = self.runtime.block_on(self.parts.store.add_schedule(new.clone(), 10)).unwrap();
        let AddScheduleAnswer::Added(added) = added else { panic!("its name is new") };
        let known =
            KnownSchedule { overlap, revision: added.revision, next_at: new.next_at, last_task: None };
        self.shared.book.with(|book| book.schedules.insert(added.number, known));
    }

    pub(crate) fn unload(&self, name: &str) {
        self.shelf.change(|jobs| jobs.remove(name));
    }

    /// Attempts that run here, whether they still hold their lease or not.
    pub(crate) fn attempts(&self) -> usize {
        self.gates.attempts()
    }

    /// Whether a drain has come to its end, so that the process would end now.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained.load(Ordering::SeqCst)
    }

    /// Lets one that stands still go on, which has to be followed by `settle`, and says what goes on.
    pub(crate) fn release(&self, index: usize, chance: u64, fail: bool) -> String {
        let what = self.gates.release(index, chance, fail);
        self.failed.fetch_or(fail, Ordering::SeqCst);
        what
    }

    /// Whether it gives back all that it holds before it ends.
    pub(crate) fn ends_clean(&self) -> bool {
        self.is_drained() && !self.failed.load(Ordering::SeqCst)
    }

    /// Begins one round of a loop, unless the last is still under way.
    pub(crate) fn begin(&self, which: Loop) -> bool {
        if !self.under_way.lock().unwrap().insert(which) {
            return false;
        }
        let (dispatcher, sweeper, courier) =
            (self.dispatcher.clone(), self.sweeper.clone(), self.courier.clone());
        let timekeeper = self.timekeeper.clone();
        let (under_way, now) = (self.under_way.clone(), self.shared.clock.now());
        self.spawn(async move {
            // A failed round is followed by another; what it failed of is in the store.
            let started = match which {
                Loop::Dispatch => dispatcher.tick(now).await.unwrap_or(0),
                Loop::Heartbeat => dispatcher.heartbeat(now).await.map_or(0, |()| 0),
                Loop::StopUnwanted => dispatcher.stop_unwanted(now).await.map_or(0, |()| 0),
                Loop::Sweep => sweeper.tick(now).await.map_or(0, |_| 0),
                Loop::Recover => sweeper.recover_gone(now).await.map_or(0, |_| 0),
                Loop::Promote => sweeper.promote(now).await.map_or(0, |_| 0),
                Loop::KeepTime => timekeeper.tick(now).await.map_or(0, |_| 0),
                Loop::Deliver => courier.tick(now).await.map_or(0, |_| 0),
            };
            under_way.lock().unwrap().remove(&which);
            started
        });
        true
    }

    pub(crate) fn submit(&self, request: SubmitRequest) {
        let (service, book) = (self.service.clone(), self.shared.book.clone());
        self.spawn(async move {
            if let Ok(submitted) = service.submit(&Owner::local(), request).await {
                book.with(|book| book.promised.insert(submitted.status.task.id));
            }
            0
        });
    }

    pub(crate) fn cancel(&self, task: TaskId) {
        let service = self.service.clone();
        self.spawn(async move { service.cancel(&Owner::local(), task).await.map_or(0, |_| 0) });
    }

    pub(crate) fn retry(&self, task: TaskId) {
        let service = self.service.clone();
        self.spawn(async move { service.retry(&Owner::local(), task).await.map_or(0, |_| 0) });
    }

    pub(crate) fn pause_or_resume(&self, name: &str, pauses: bool) {
        let (service, job_type) = (self.service.clone(), name.parse().unwrap());
        self.spawn(async move {
            let done = if pauses { service.pause(&job_type).await } else { service.resume(&job_type).await };
            done.map_or(0, |_| 0)
        });
    }

    pub(crate) fn look_at(&self, task: TaskId) {
        let service = self.service.clone();
        self.spawn(async move { service.status(&Owner::local(), task).await.map_or(0, |_| 0) });
    }

    /// Asks all jobs to stop, as the first half of a drain with grace does.
    pub(crate) fn ask_to_stop(&self) {
        self.parts.running.stop_all(StopReason::Drain);
    }

    /// Gives back at once what runs. It may wait for another flow of the process first, so it need not stand still.
    pub(crate) fn drain(&self) {
        let (dispatcher, drained, now) =
            (self.dispatcher.clone(), self.drained.clone(), self.shared.clock.now());
        let gates = self.gates.clone();
        self.runtime.spawn(async move {
            dispatcher.drain(now, Duration::ZERO).await;
            drained.store(true, Ordering::SeqCst);
            gates.ended(0);
        });
        self.settle();
    }

    /// Runs `flow`, which says how many attempts it started, up to where it stands still.
    fn spawn(&self, flow: impl Future<Output = u32> + Send + 'static) {
        let gates = self.gates.clone();
        let spawned = self.runtime.spawn(async move { gates.ended(flow.await) });
        self.gates.began(spawned.id());
        self.settle();
    }

    /// Runs until all that runs here stands still.
    pub(crate) fn settle(&self) {
        self.runtime.block_on(self.gates.settle());
    }
}
