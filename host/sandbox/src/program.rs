//! The code of one version of a job type, ready to run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use longshore_domain::{
    Clock, Code, Failure, InputViolation, JobProgram, Limits, RunReport, RunRequest, Timestamp,
};
use serde_json::Value;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::bindings::longshore::job::types::JobType;
use crate::bindings::{Job, JobPre};
use crate::engine::usual_stack;
use crate::failure::{Ended, LimitsOf, Wrong, classify};
use crate::guest::{Guest, describe_too_slow};
use crate::linkers::Linkers;
use crate::log::TaskLog;
use crate::registry::code;
use crate::runner;
use crate::sandbox::Shared;
use crate::schema::Schema;
use crate::stubs;
use crate::turns::Turn;

/// Handles to resources that a guest may hold for each resource of the host, its own and borrowed ones included.
const HANDLES_A_RESOURCE: usize = 10;

/// Fuel is handed out in portions. Compiled code keeps count in a register, and only at the end of a portion does the
/// count of a loop that calls nothing become known.
const FUEL_PORTION: u64 = 10_000_000;

/// What `describe` may use. Interpreters need some memory just to start.
const DESCRIBE_FUEL: u64 = 5_000_000_000;
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(5);
const DESCRIBE_MEMORY_BYTES: u64 = 128 << 20;

/// A component that is compiled and linked.
#[derive(Clone)]
pub(crate) struct Linked {
    linkers: Arc<Linkers>,
    component: Component,
    first: Arc<JobPre<Guest>>,
    /// The same for engines without a pool, by the length of their stack. Made when one is needed for the first time.
    on_demand: Arc<Mutex<BTreeMap<u64, Arc<JobPre<Guest>>>>>,
}

impl Linked {
    /// Links a component that was compiled for the first engine. The error says what it lacks or wants.
    pub(crate) fn new(linkers: &Arc<Linkers>, component: Component) -> wasmtime::Result<Self> {
        let first = Arc::new(link(&linkers.first, &component)?);
        Ok(Self { linkers: Arc::clone(linkers), component, first, on_demand: Arc::default() })
    }

    /// The code for guests with such limits: that of the pool, if their stack is to be as long as those of the pool are.
    pub(crate) async fn code(&self, limits: &Limits) -> wasmtime::Result<Arc<JobPre<Guest>>> {
        if limits.stack_bytes_max == usual_stack() {
            return Ok(Arc::clone(&self.first));
        }
        self.code_outside_the_pool(limits).await
    }

    /// The code for a guest for which the pool has no place.
    pub(crate) async fn code_outside_the_pool(
        &self,
        limits: &Limits,
    ) -> wasmtime::Result<Arc<JobPre<Guest>>> {
        let stack_bytes = limits.stack_bytes_max;
        if let Some(code) = self.on_demand().get(&stack_bytes) {
            return Ok(Arc::clone(code));
        }
        // Two that come at once make it twice, which is better than to have one hold up a thread of the runtime.
        let this = self.clone();
        let made = tokio::task::spawn_blocking(move || this.make_on_demand(stack_bytes));
        let code = made.await.map_err(wasmtime::Error::new)??;
        self.on_demand().insert(stack_bytes, Arc::clone(&code));
        Ok(code)
    }

    fn make_on_demand(&self, stack_bytes: u64) -> wasmtime::Result<Arc<JobPre<Guest>>> {
        let linker = self.linkers.on_demand(stack_bytes)?;
        let component = code::own_code(linker.engine(), &self.component.serialize()?)?;
        Ok(Arc::new(link(&linker, &component)?))
    }

    fn on_demand(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<JobPre<Guest>>>> {
        self.on_demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the component what it is.
    pub(crate) async fn describe(&self) -> Result<JobType, Failure> {
        let _ticking = self.linkers.engines.ticking();
        let limits = Limits {
            fuel: DESCRIBE_FUEL,
            timeout_ms: DESCRIBE_TIMEOUT.as_millis() as u64,
            memory_bytes_max: DESCRIBE_MEMORY_BYTES,
            ..Limits::default()
        };
        let log = Arc::new(TaskLog::new(0, limits.log_bytes_max, Arc::new(NoClock)));
        let guest = match Guest::describing(Arc::clone(&log), &limits) {
            Ok(guest) => guest,
            Err(ended) => return Err(Failure::new(Code::HostError, ended.to_string())),
        };
        let deadline = tokio::time::Instant::now() + DESCRIBE_TIMEOUT;
        let no_engine = |error| Failure::new(Code::HostError, format!("{error:#}"));
        let code = self.code(&limits).await.map_err(no_engine)?;
        let turn = Turn::new(self.linkers.engines.ticks());
        let mut place = Place::new(code, guest, &limits, turn.clone());
        let mut instance = tokio::time::timeout_at(deadline, place.instantiate()).await;
        if matches!(&instance, Ok(Err(error)) if is_pool_full(error)) {
            let code = self.code_outside_the_pool(&limits).await.map_err(no_engine)?;
            place = place.moved_to(code, &limits);
            instance = tokio::time::timeout_at(deadline, place.instantiate()).await;
        }
        let mut store = place.store;
        let described = match instance {
            Ok(Ok(job)) => tokio::time::timeout_at(deadline, turn.of(job.call_describe(&mut store))).await,
            Ok(Err(error)) => Ok(Err(error)),
            Err(late) => Err(late),
        };
        let error = match described {
            Ok(Ok(job_type)) => match store.data().verdict.hold() {
                Ok(()) => return Ok(job_type),
                Err(ended) => ended.into(),
            },
            Ok(Err(error)) => error,
            Err(_) => describe_too_slow().into(),
        };
        log.close();
        let limits_of = LimitsOf { job: None, limits: &limits };
        Err(match classify(&error, limits_of, &store.data().allowance, &log.last_words()) {
            Wrong::Ended(Ended::Failed(failure)) => describe_failure(failure),
            Wrong::Ended(Ended::Stopped(_) | Ended::Interrupted(_)) | Wrong::PoolFull => {
                Failure::new(Code::HostError, "there was no room to run it")
            }
            Wrong::NoRoom(why) => Failure::new(Code::HostError, why),
        })
    }
}

/// Where a guest is about to run.
pub(crate) struct Place {
    pub(crate) store: Store<Guest>,
    code: Arc<JobPre<Guest>>,
    turn: Turn,
}

impl Place {
    pub(crate) fn new(code: Arc<JobPre<Guest>>, guest: Guest, limits: &Limits, turn: Turn) -> Self {
        Self { store: store(code.engine(), guest, limits, turn.clone()), code, turn }
    }

    /// Makes the instance. This runs code of the guest, which may wait for ever in the host: whoever waits for it must
    /// not do so for longer than the guest may take.
    pub(crate) async fn instantiate(&mut self) -> wasmtime::Result<Job> {
        self.turn.of(self.code.instantiate_async(&mut self.store)).await
    }

    /// The same guest, begun anew, with the same code on another engine.
    pub(crate) fn moved_to(self, code: Arc<JobPre<Guest>>, limits: &Limits) -> Self {
        let mut guest = self.store.into_data();
        guest.start_over(limits);
        Self::new(code, guest, limits, self.turn)
    }
}

/// Whether there was no place left in the pool.
pub(crate) fn is_pool_full(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::PoolConcurrencyLimitError>()
}

/// The limits of `describe` are not in any policy, so they are named without one.
fn describe_failure(failure: Failure) -> Failure {
    let message = match failure.code {
        Code::OutOfFuel => format!("describe used more than {DESCRIBE_FUEL} units of fuel"),
        Code::OutOfMemory => format!("describe wanted more than {DESCRIBE_MEMORY_BYTES} bytes of memory"),
        Code::Timeout => format!("describe took longer than {} seconds", DESCRIBE_TIMEOUT.as_secs()),
        _ => failure.message,
    };
    Failure { message, ..failure }
}

fn link(linker: &Linker<Guest>, component: &Component) -> wasmtime::Result<JobPre<Guest>> {
    if let Ok(pre) = linker.instantiate_pre(component) {
        return JobPre::new(pre);
    }
    let mut linker = linker.clone();
    stubs::define(&mut linker, component)?;
    JobPre::new(linker.instantiate_pre(component)?)
}

/// A `wasmtime::Store` in which everything is metered and bounded.
fn store(engine: &Engine, guest: Guest, limits: &Limits, turn: Turn) -> Store<Guest> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.allowance);
    // These fail only on an engine without fuel, and all of ours have it.
    let _ = store.set_fuel(limits.fuel);
    let _ = store.fuel_async_yield_interval(Some(FUEL_PORTION));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        let left = context.get_fuel()?;
        let guest = context.data_mut();
        guest.meter.note(left);
        guest.check()?;
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store.call_hook_async(turn);
    store.set_hostcall_fuel(usize::try_from(limits.bytes_of_one_call()).unwrap_or(usize::MAX));
    store.set_max_component_handles(limits.resources_max as usize * HANDLES_A_RESOURCE);
    store
}

/// Times of log lines that nobody keeps.
struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}

/// A job type's code with its schemas.
pub(crate) struct Program {
    pub(crate) shared: Arc<Shared>,
    pub(crate) linked: Linked,
    input: Arc<Schema>,
    pub(crate) output: Option<Arc<Schema>>,
}

impl Program {
    pub(crate) fn new(shared: &Arc<Shared>, linked: Linked, input: Schema, output: Option<Schema>) -> Self {
        Self { shared: Arc::clone(shared), linked, input: Arc::new(input), output: output.map(Arc::new) }
    }
}

#[async_trait]
impl JobProgram for Program {
    async fn check_input(&self, input: &Value) -> Vec<InputViolation> {
        self.input.violations(input).await
    }

    async fn run(&self, request: RunRequest) -> RunReport {
        runner::run(self, request).await
    }
}
