//! Drives the loops, restarts one that fails, and ends them in order.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore_domain::{CLOCK_SLACK, StoreError, WorkerId};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::vigil::Vigil;
use crate::{Channels, Courier, Dispatcher, DispatcherOptions, Pruner, ServiceParts, Sweeper, Timekeeper};

/// How often this process looks whether another one wrote to the store, and tells waiters of live progress.
const PULSE: Duration = Duration::from_millis(100);
/// How often scheduled tasks that are due are queued.
const PROMOTE: Duration = Duration::from_millis(100);
/// How often it is looked whether a process has ended that held something.
const RECOVER: Duration = Duration::from_millis(100);
/// How often schedules that are due are seen to.
const SCHEDULES: Duration = Duration::from_millis(500);
/// How often the outbox is looked at when nobody says that there is mail: a retry may be due.
const COURIER: Duration = Duration::from_millis(500);
/// How long deliveries that are under way may take at the end.
const MAIL_GRACE: Duration = Duration::from_secs(5);
/// How long a process that ends takes to note that it holds nothing.
const SIGN_OFF: Duration = Duration::from_millis(500);
/// How often tasks are claimed when nobody says that there is work.
const CLAIM: Duration = Duration::from_secs(1);
/// How often finished tasks whose time is over are forgotten.
const PRUNE: Duration = Duration::from_secs(5);
/// How often it is looked whether this process still stands by.
const STAND_BY: Duration = Duration::from_millis(200);
/// What a rate limit is waited for at least. Where more starts a second are allowed, several come at once.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
/// Wait before a loop that failed goes on: short at first, and never more than this part of a lease, or leases would end
/// meanwhile.
const AFTER_FAILURE: Duration = Duration::from_millis(250);
const AFTER_FAILURES: Duration = Duration::from_secs(2);
const PART_OF_LEASE: u32 = 6;
/// A loop that ran for so long has got over its failures.
const IS_WELL: Duration = Duration::from_secs(30);

/// How the loops work.
#[derive(Clone)]
pub struct SupervisorOptions {
    /// How attempts are run.
    pub dispatcher: DispatcherOptions,
    /// Where messages go.
    pub channels: Channels,
    /// While it says so, nothing is claimed and nothing delivered, because another process of the project does that.
    pub stands_by: StandsBy,
    /// Whether schedules that are due are seen to. A process that ends once no job is left would never end, if it started
    /// new ones by itself.
    pub keeps_time: bool,
}

/// Whether this process leaves the work to another one, looked at before each claim. `None` never does.
pub type StandsBy = Option<Arc<dyn Fn() -> bool + Send + Sync>>;

/// How to end.
#[derive(Clone, Copy, Debug)]
pub enum Shutdown {
    /// Give back at once what runs here; another process resumes it from its checkpoint.
    Now,
    /// Let jobs end by themselves for that long first.
    Grace(Duration),
}

/// The running loops.
pub struct Supervisor {
    parts: ServiceParts,
    dispatcher: Arc<Dispatcher>,
    courier: Arc<Courier>,
    worker: WorkerId,
    lease: Duration,
    ending: CancellationToken,
    loops: JoinSet<()>,
}

impl Supervisor {
    /// Starts the loops.
    pub fn start(parts: ServiceParts, options: SupervisorOptions) -> Self {
        let (lease, worker) = (options.dispatcher.lease, options.dispatcher.worker.clone());
        let dispatcher = Dispatcher::new(parts.clone(), options.dispatcher);
        let sweeper = Arc::new(Sweeper::new(parts.clone()));
        let courier = Arc::new(Courier::new(
            worker.clone(),
            Arc::clone(&parts.store),
            Arc::clone(&parts.clock),
            options.channels,
        ));
        let mut supervisor = Self {
            parts,
            dispatcher,
            courier: Arc::clone(&courier),
            worker,
            lease,
            ending: CancellationToken::new(),
            loops: JoinSet::new(),
        };
        supervisor.keep("dispatcher", {
            let stands_by = options.stands_by.clone();
            move |parts, dispatcher| dispatch(parts, dispatcher, stands_by.clone())
        });
        supervisor.keep("heartbeat", move |parts, dispatcher| heartbeat(parts, dispatcher, lease / 3));
        supervisor.keep("pulse", pulse);
        supervisor.keep("catalog", |parts, _| follow_catalog(parts));
        supervisor.keep("sweeper", {
            let sweeper = Arc::clone(&sweeper);
            let every = (lease / 6).clamp(Duration::from_millis(100), Duration::from_secs(1));
            let vigil = Arc::new(Mutex::new(Vigil::new(lease)));
            move |parts, _| sweep(parts, Arc::clone(&sweeper), Arc::clone(&vigil), every)
        });
        supervisor.keep("recoverer", {
            let sweeper = Arc::clone(&sweeper);
            move |parts, _| recover(parts, Arc::clone(&sweeper))
        });
        supervisor.keep("promoter", move |parts, _| promote(parts, Arc::clone(&sweeper)));
        if options.keeps_time {
            let timekeeper = Arc::new(Timekeeper::new(supervisor.parts.clone()));
            supervisor.keep("timekeeper", move |parts, _| keep_time(parts, Arc::clone(&timekeeper)));
        }
        let pruner = Arc::new(Pruner::new(supervisor.parts.clone()));
        supervisor.keep("pruner", move |parts, _| prune(parts, Arc::clone(&pruner)));
        let stands_by = options.stands_by;
        supervisor.keep("courier", move |parts, _| deliver(parts, Arc::clone(&courier), stands_by.clone()));
        supervisor
    }

    /// Ends the loops. Nothing acknowledged is lost, whatever the way.
    pub async fn shutdown(mut self, how: Shutdown) {
        let grace = match how {
            Shutdown::Now => Duration::ZERO,
            Shutdown::Grace(grace) => grace,
        };
        // The heartbeat goes on while attempts end, so that they keep their leases.
        self.dispatcher.drain(self.parts.clock.now(), grace).await;
        self.ending.cancel();
        while self.loops.join_next().await.is_some() {}
        // A message that is broken off may be delivered and not noted, and is delivered again then.
        self.courier.finish(grace.min(MAIL_GRACE)).await;
        if !matches!(tokio::time::timeout(SIGN_OFF, self.sign_off()).await, Ok(Ok(()))) {
            tracing::debug!("others recover what is left here");
        }
    }

    /// Gives back the last of what this worker held. If nothing is left, nobody needs to know of it any more.
    async fn sign_off(&self) -> Result<(), StoreError> {
        self.parts.store.free_messages(&self.worker, self.parts.clock.now()).await?;
        if self.parts.store.held_by(&self.worker, 1).await?.is_empty() {
            self.parts.liveness.forget(&self.worker);
        }
        Ok(())
    }

    /// Runs a loop until the end, and again after a failure: a queue must not stop silently.
    fn keep<F, L>(&mut self, name: &'static str, run: F)
    where
        F: Fn(ServiceParts, Arc<Dispatcher>) -> L + Send + 'static,
        L: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let (parts, dispatcher, ending) =
            (self.parts.clone(), Arc::clone(&self.dispatcher), self.ending.clone());
        let rest_max = AFTER_FAILURES.min(self.lease / PART_OF_LEASE);
        self.loops.spawn(async move {
            let mut failures = 0;
            loop {
                let began = Instant::now();
                let mut running = tokio::spawn(run(parts.clone(), Arc::clone(&dispatcher)));
                let ended = tokio::select! {
                    ended = &mut running => ended,
                    () = ending.cancelled() => {
                        running.abort();
                        return;
                    }
                };
                failures = if began.elapsed() > IS_WELL { 0 } else { failures };
                match ended {
                    Ok(Ok(())) => return,
                    // The store tells of a machine that fails, once for all loops.
                    Ok(Err(error)) if failures > 0 || error.may_pass() => {
                        tracing::debug!(loop_name = name, %error, "a loop failed and goes on");
                    }
                    Ok(Err(error)) => tracing::error!(loop_name = name, code = error.code(), %error, "a loop failed and goes on"),
                    Err(error) => {
                        tracing::error!(loop_name = name, %error, "a loop panicked and starts again");
                    }
                }
                tokio::time::sleep((AFTER_FAILURE * (1 << failures.min(3))).min(rest_max)).await;
                failures += 1;
            }
        });
    }
}

/// Resolves once this process has to do the work itself.
async fn stand_by(stands_by: &StandsBy) {
    while stands_by.as_ref().is_some_and(|stands_by| stands_by()) {
        tokio::time::sleep(STAND_BY).await;
    }
}

async fn dispatch(
    parts: ServiceParts,
    dispatcher: Arc<Dispatcher>,
    stands_by: StandsBy,
) -> Result<(), StoreError> {
    loop {
        stand_by(&stands_by).await;
        let mut now = parts.clock.now();
        while dispatcher.tick(now).await? > 0 {
            now = parts.clock.now();
        }
        let wait = dispatcher.until_next_start(now).await?.unwrap_or(CLAIM).clamp(SHORTEST_WAIT, CLAIM);
        let _ = tokio::time::timeout(wait, parts.hub.work()).await;
    }
}

async fn heartbeat(
    parts: ServiceParts,
    dispatcher: Arc<Dispatcher>,
    every: Duration,
) -> Result<(), StoreError> {
    loop {
        dispatcher.heartbeat(parts.clock.now()).await?;
        tokio::time::sleep(every).await;
    }
}

async fn pulse(parts: ServiceParts, dispatcher: Arc<Dispatcher>) -> Result<(), StoreError> {
    let mut foreign = parts.store.foreign_changes().await?;
    let mut told = std::collections::HashMap::new();
    loop {
        tokio::time::sleep(PULSE).await;
        let running = parts.running.snapshot();
        told.retain(|attempt, _| running.iter().any(|running| running.attempt == *attempt));
        for attempt in &running {
            let revision = attempt.progress.revision();
            if told.insert(attempt.attempt, revision).unwrap_or(0) != revision {
                parts.hub.changed(attempt.attempt.task);
            }
        }
        dispatcher.stop_unwanted(parts.clock.now()).await?;
        let now_foreign = parts.store.foreign_changes().await?;
        if now_foreign != foreign {
            foreign = now_foreign;
            parts.hub.all_changed();
            parts.hub.work_added();
            parts.hub.mail_added();
        }
    }
}

async fn follow_catalog(mut parts: ServiceParts) -> Result<(), StoreError> {
    while parts.catalog_changes.changed().await.is_ok() {
        // Tasks may have waited for their plugin; those who wait for them want to know.
        parts.hub.work_added();
        parts.hub.all_changed();
    }
    Ok(())
}

async fn sweep(
    parts: ServiceParts,
    sweeper: Arc<Sweeper>,
    vigil: Arc<Mutex<Vigil>>,
    every: Duration,
) -> Result<(), StoreError> {
    let mut vigil = vigil.lock().await;
    loop {
        let mut swept = sweeper.tick_sparing_leases(parts.clock.now()).await.map(drop);
        let now = parts.clock.now();
        if swept.is_ok() && vigil.look(Instant::now(), now) {
            swept = sweeper.recover(now).await.map(drop);
        }
        // What this process cannot write, others could not, either: they may have been kept from renewing their leases.
        swept.inspect_err(|_| vigil.cannot_write(Instant::now()))?;
        tokio::time::sleep(every).await;
    }
}

/// Recovers what processes that ended held. Their leases are not waited for.
async fn recover(parts: ServiceParts, sweeper: Arc<Sweeper>) -> Result<(), StoreError> {
    loop {
        sweeper.recover_gone(parts.clock.now()).await?;
        tokio::time::sleep(RECOVER).await;
    }
}

async fn promote(parts: ServiceParts, sweeper: Arc<Sweeper>) -> Result<(), StoreError> {
    let mut latest = parts.clock.now();
    sweeper.bring_forward(latest).await?;
    loop {
        tokio::time::sleep(PROMOTE).await;
        let now = parts.clock.now();
        if latest.since(now) > CLOCK_SLACK {
            sweeper.bring_forward(now).await?;
        }
        latest = now;
        sweeper.promote(now).await?;
    }
}

async fn keep_time(parts: ServiceParts, timekeeper: Arc<Timekeeper>) -> Result<(), StoreError> {
    let mut latest = parts.clock.now();
    timekeeper.bring_forward(latest).await?;
    loop {
        let now = parts.clock.now();
        if latest.since(now) > CLOCK_SLACK {
            timekeeper.bring_forward(now).await?;
        }
        latest = now;
        while timekeeper.tick(now).await? > 0 {}
        tokio::time::sleep(SCHEDULES).await;
    }
}

async fn prune(parts: ServiceParts, pruner: Arc<Pruner>) -> Result<(), StoreError> {
    loop {
        pruner.tick(parts.clock.now()).await?;
        tokio::time::sleep(PRUNE).await;
    }
}

async fn deliver(parts: ServiceParts, courier: Arc<Courier>, stands_by: StandsBy) -> Result<(), StoreError> {
    let mut ended = courier.ended();
    loop {
        stand_by(&stands_by).await;
        let now = parts.clock.now();
        // What ends from here on leaves a place that this tick may not have seen.
        ended.borrow_and_update();
        let tick = courier.tick(now).await?;
        let wait = tick.next_at.map_or(COURIER, |at| at.since(now).min(COURIER));
        tokio::select! {
            () = parts.hub.mail() => {}
            _ = ended.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
