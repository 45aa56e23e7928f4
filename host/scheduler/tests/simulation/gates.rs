//! Where a simulated process stands still: before and after each call of its store, between two steps of a job, before
//! a delivery. The simulation lets one of them go on at a time, so every order of events follows from its seed, and a
//! crash can fall between any two of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use longshore_domain::AttemptRef;
use longshore_scheduler::{Hub, Running};
use tokio::sync::{Notify, oneshot};
use tokio::task::Id;

/// How long something may take that stands nowhere, in real time. Only a bug of the simulation takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    /// As it would; the number is chance for whoever needs some.
    On(u64),
    /// What it was about to do fails.
    Fail,
}

/// What may happen at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It may fail.
    Possible,
    /// It cannot fail any more.
    Excluded,
}

struct Parked {
    what: String,
    fault: Fault,
    flow: Id,
    go: oneshot::Sender<Go>,
}

#[derive(Default)]
struct Inner {
    /// In the order in which they came, so that a seed picks the same in each run.
    parked: Vec<Parked>,
    /// What goes on now, and where it stood last.
    busy: HashMap<Id, String>,
    /// The attempts, by their flow.
    attempts: HashMap<Id, AttemptRef>,
    /// The deliveries that have begun, by their flow.
    deliveries: HashSet<Id>,
    /// Attempts and deliveries that were started and have not come to their first gate.
    unborn: u32,
}

/// The gates of one process.
pub(crate) struct Gates {
    inner: Mutex<Inner>,
    moved: Notify,
    hub: Arc<Hub>,
    running: Arc<Running>,
}

impl Gates {
    /// The gates of the process of that hub and these attempts, by which they see that an attempt is at its end.
    pub(crate) fn new(hub: Arc<Hub>, running: Arc<Running>) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), moved: Notify::new(), hub, running })
    }

    /// Stands still until the simulation lets it go on.
    pub(crate) async fn pass(&self, what: String, fault: Fault) -> Go {
        let (go, gone) = oneshot::channel();
        self.stand_still(Parked { what, fault, flow: tokio::task::id(), go });
        // A crash drops the waiting side, never the other.
        gone.await.expect("the gates outlive who waits at them")
    }

    fn stand_still(&self, parked: Parked) {
        let mut inner = self.inner();
        inner.busy.remove(&parked.flow);
        inner.parked.push(parked);
        drop(inner);
        self.moved.notify_one();
    }

    /// A flow was spawned that is about to go on.
    pub(crate) fn began(&self, flow: Id) {
        self.inner().busy.insert(flow, "began".into());
    }

    /// The flow that calls this is at its end, and has started so many attempts.
    pub(crate) fn ended(&self, started: u32) {
        let mut inner = self.inner();
        inner.busy.remove(&tokio::task::id());
        inner.unborn += started;
        drop(inner);
        self.moved.notify_one();
    }

    /// The attempt that calls this has begun.
    pub(crate) fn attempt_began(&self, attempt: AttemptRef) {
        let mut inner = self.inner();
        inner.unborn -= 1;
        inner.busy.insert(tokio::task::id(), "an attempt began".into());
        inner.attempts.insert(tokio::task::id(), attempt);
    }

    /// So many messages are about to be delivered, each in a flow of its own.
    pub(crate) fn deliveries_begin(&self, count: usize) {
        self.inner().unborn += count as u32;
    }

    /// The delivery that calls this has begun. It says so at whatever it does first.
    pub(crate) fn delivery_began(&self) {
        let mut inner = self.inner();
        if inner.deliveries.insert(tokio::task::id()) {
            inner.unborn -= 1;
            inner.busy.insert(tokio::task::id(), "a delivery began".into());
        }
    }

    /// The delivery that calls this is at its end.
    pub(crate) fn delivery_ended(&self) {
        self.inner().deliveries.remove(&tokio::task::id());
        self.ended(0);
    }

    /// How many attempts are under way.
    pub(crate) fn attempts(&self) -> usize {
        self.inner().attempts.len()
    }

    /// How many stand still.
    pub(crate) fn waiting(&self) -> usize {
        self.inner().parked.len()
    }

    /// Lets the one with that index go on, or fail if that is wished and possible, and says what it is.
    pub(crate) fn release(&self, index: usize, chance: u64, fail: bool) -> String {
        let mut inner = self.inner();
        let parked = inner.parked.remove(index);
        inner.busy.insert(parked.flow, parked.what.clone());
        let fails = fail && parked.fault == Fault::Possible;
        let go = if fails { Go::Fail } else { Go::On(chance) };
        assert!(parked.go.send(go).is_ok(), "{} waits for an answer", parked.what);
        if fails { format!("{} fails", parked.what) } else { parked.what }
    }

    /// Runs the process until all of it stands still.
    pub(crate) async fn settle(&self) {
        let still = async {
            loop {
                // Whoever waited for a flow that has just ended goes on by itself.
                tokio::task::yield_now().await;
                if self.is_still() {
                    return;
                }
                // An attempt says at its end that there is room for work.
                tokio::select! {
                    () = self.moved.notified() => {}
                    () = self.hub.work() => {}
                }
            }
        };
        if tokio::time::timeout(PATIENCE, still).await.is_err() {
            let inner = self.inner();
            panic!("never stands still: {:?}, and {} unborn", inner.busy, inner.unborn);
        }
    }

    fn is_still(&self) -> bool {
        let inner = &mut *self.inner();
        inner.attempts.retain(|flow, attempt| {
            let lives = self.running.progress(*attempt).is_some();
            if !lives {
                inner.busy.remove(flow);
            }
            lives
        });
        inner.busy.is_empty() && inner.unborn == 0
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}
