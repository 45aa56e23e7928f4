//! The code of one version of a job type, ready to run.

use std::sync::{Arc, OnceLock};
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
use crate::failure::{Ended, LimitsOf, Wrong, classify};
use crate::guest::{Guest, describe_too_slow};
use crate::log::TaskLog;
use crate::registry::code;
use crate::runner;
use crate::sandbox::Shared;
use crate::schema::Schema;
use crate::stubs;

/// Handles to resources that a guest may hold for each resource of the host, its own and borrowed ones included.
const HANDLES_A_RESOURCE: usize = 10;

/// Fuel is handed out in portions. Compiled code keeps count in a register, and only at the end of a portion does the
/// count of a loop that calls nothing become known.
const FUEL_PORTION: u64 = 10_000_000;

/// Bytes that any guest may pass to the host in one call. A guest whose policy lets it save more may pass more.
const CALL_BYTES_MIN: u64 = 16 << 20;

/// What `describe` may use. Interpreters need some memory just to start.
const DESCRIBE_FUEL: u64 = 5_000_000_000;
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(5);
const DESCRIBE_MEMORY_BYTES: u64 = 128 << 20;

/// A component that is compiled and linked.
#[derive(Clone)]
pub(crate) struct Linked {
    shared: Arc<Shared>,
    component: Component,
    first: JobPre<Guest>,
    spare: Arc<OnceLock<Option<JobPre<Guest>>>>,
}

impl Linked {
    /// Links a component that was compiled for the first engine. The error says what it lacks or wants.
    pub(crate) fn new(shared: &Arc<Shared>, component: Component) -> wasmtime::Result<Self> {
        let first = link(&shared.linker, &component)?;
        Ok(Self { shared: Arc::clone(shared), component, first, spare: Arc::default() })
    }

    /// The same outside the pool. Made when the pool is full for the first time.
    pub(crate) fn spare(&self) -> Option<&JobPre<Guest>> {
        let make = || {
            let linker = self.shared.spare_linker.as_ref()?;
            let made = self
                .component
                .serialize()
                .and_then(|bytes| code::own_code(linker.engine(), &bytes))
                .and_then(|component| link(linker, &component));
            made.inspect_err(|e| tracing::warn!("a component cannot run outside the pool: {e:#}")).ok()
        };
        self.spare.get_or_init(make).as_ref()
    }

    /// A place in the pool for a guest.
    pub(crate) fn place(&self, guest: Guest, limits: &Limits) -> Place<'_> {
        Place { store: store(self.first.engine(), guest, limits), code: &self.first }
    }

    /// Asks the component what it is.
    pub(crate) async fn describe(&self) -> Result<JobType, Failure> {
        let _ticking = self.shared.engines.ticking();
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
        let mut place = self.place(guest, &limits);
        let mut instance = tokio::time::timeout_at(deadline, place.instantiate()).await;
        if matches!(&instance, Ok(Err(error)) if is_pool_full(error))
            && let Some(spare) = self.spare()
        {
            place = place.moved_to(spare, &limits);
            instance = tokio::time::timeout_at(deadline, place.instantiate()).await;
        }
        let mut store = place.store;
        let described = match instance {
            Ok(Ok(job)) => tokio::time::timeout_at(deadline, job.call_describe(&mut store)).await,
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
            Wrong::Ended(Ended::Stopped(_)) | Wrong::PoolFull => {
                Failure::new(Code::HostError, "there was no room to run it")
            }
            Wrong::NoRoom(why) => Failure::new(Code::HostError, why),
        })
    }
}

/// Where a guest is about to run.
pub(crate) struct Place<'a> {
    pub(crate) store: Store<Guest>,
    code: &'a JobPre<Guest>,
}

impl<'a> Place<'a> {
    /// Makes the instance. This runs code of the guest, which may wait for ever in the host: whoever waits for it must
    /// not do so for longer than the guest may take.
    pub(crate) async fn instantiate(&mut self) -> wasmtime::Result<Job> {
        self.code.instantiate_async(&mut self.store).await
    }

    /// The same guest, begun anew, with the same code on another engine.
    pub(crate) fn moved_to(self, code: &'a JobPre<Guest>, limits: &Limits) -> Self {
        let mut guest = self.store.into_data();
        guest.start_over(limits);
        Self { store: store(code.engine(), guest, limits), code }
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
fn store(engine: &Engine, guest: Guest, limits: &Limits) -> Store<Guest> {
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
    let largest = [limits.checkpoint_bytes_max, limits.result_bytes_max, limits.message_bytes_max]
        .into_iter()
        .fold(CALL_BYTES_MIN, u64::max);
    // What is just too large should reach its own check, whose message is better.
    store.set_hostcall_fuel(usize::try_from(largest.saturating_mul(2)).unwrap_or(usize::MAX));
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
    input: Schema,
    pub(crate) output: Option<Schema>,
}

impl Program {
    pub(crate) fn new(linked: Linked, input: Schema, output: Option<Schema>) -> Self {
        Self { shared: Arc::clone(&linked.shared), linked, input, output }
    }
}

#[async_trait]
impl JobProgram for Program {
    fn check_input(&self, input: &Value) -> Vec<InputViolation> {
        self.input.violations(input)
    }

    async fn run(&self, request: RunRequest) -> RunReport {
        runner::run(self, request).await
    }
}
