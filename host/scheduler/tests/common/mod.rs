//! What both the tests of the scheduler and its simulation stand on: a clock and a catalog that the test moves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longshore_domain::{
    Catalog, Clock, ComponentSha, JobCatalog, JobProgram, JobType, JobTypeName, LoadedJob, Policy, Timestamp,
    WorkerId, WorkerLiveness,
};
use serde_json::json;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicI64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_800_000_000_000))
    }
}

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.turn(by.as_millis() as i64);
    }

    /// Moves the clock by so many milliseconds, which may be less than none.
    pub(crate) fn turn(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// A catalog that the test replaces.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Arc<Catalog>>);

impl Shelf {
    /// Replaces the catalog by one whose job types were changed.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<JobTypeName, Arc<LoadedJob>>) -> T) {
        let mut shelf = self.0.lock().unwrap();
        let mut catalog = (**shelf).clone();
        change(&mut catalog.jobs);
        catalog.revision += 1;
        *shelf = Arc::new(catalog);
    }
}

impl JobCatalog for Shelf {
    fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

/// A job type as the registry would have loaded it.
pub(crate) fn loaded(
    name: &str,
    policy: Policy,
    component: ComponentSha,
    program: Arc<dyn JobProgram>,
) -> LoadedJob {
    LoadedJob {
        job_type: JobType {
            name: name.parse().unwrap(),
            version: "1.0.0".into(),
            title: "Scripted".into(),
            description: "Does what its script says".into(),
            input_schema: json!({"type": "object"}),
            output_schema: None,
            permissions: Vec::new(),
        },
        policy,
        component,
        program,
    }
}

/// The processes that have ended, as the kernel would know them.
#[derive(Debug, Default)]
pub(crate) struct Gone(Mutex<BTreeSet<WorkerId>>);

impl Gone {
    pub(crate) fn add(&self, name: &str) {
        self.0.lock().unwrap().insert(WorkerId::new(name));
    }
}

impl WorkerLiveness for Gone {
    fn gone(&self) -> Vec<WorkerId> {
        self.0.lock().unwrap().iter().cloned().collect()
    }

    fn forget(&self, worker: &WorkerId) {
        self.0.lock().unwrap().remove(worker);
    }
}
