//! From the ways in which a guest ends to failures that say what happened and what to change.

use std::fmt;

use longshore_domain::{Code, Failure, Limits, StopReason, StoreError};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::backtrace;
use crate::http::HEADERS_BYTES_MAX;
use crate::limits::{Allowance, Refused};

/// The host ends the attempt. Host functions return it as their error, which unwinds the guest.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Because of a failure.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// Because it was to stop.
    #[error("the attempt was stopped")]
    Stopped(StopReason),
    /// Because it was to stop, and did not in time.
    #[error("the attempt was interrupted")]
    Interrupted(StopReason),
}

impl Ended {
    /// The end of a guest that was told to stop and goes on. One that has lost its lease has no time for that.
    pub(crate) fn interrupted(reason: StopReason) -> Self {
        match reason {
            StopReason::Fenced => Self::Stopped(reason),
            _ => Self::Interrupted(reason),
        }
    }

    pub(crate) fn failed(code: Code, message: impl Into<String>) -> Self {
        Self::Failed(Failure::new(code, message))
    }
}

impl Ended {
    /// The store did not do what the attempt needs, so that `what`.
    pub(crate) fn store_failed(what: &str, error: &StoreError) -> Self {
        let code = match error {
            StoreError::Full(_) => Code::StorageFull,
            error if error.may_pass() => Code::StorageFailed,
            _ => Code::HostError,
        };
        let advice = error.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        let failure = Failure::new(code, format!("{what}: {}{advice}", error.told()));
        Self::Failed(with_full(failure, &error.to_string()))
    }
}

/// The limits of one attempt, and the job type whose file sets them; none while a component describes itself.
#[derive(Clone, Copy)]
pub(crate) struct LimitsOf<'a> {
    pub(crate) job: Option<&'a str>,
    pub(crate) limits: &'a Limits,
}

impl LimitsOf<'_> {
    /// The failure of a limit that was hit: what it did, the limit's value, and where it is set.
    pub(crate) fn hit(self, code: Code, what: impl fmt::Display, value: u64, key: &str) -> Failure {
        let set_in = self.job.map(|job| format!(" (limits.{key} in {job}.toml)")).unwrap_or_default();
        Failure::new(code, format!("{what}: {value}{set_in}"))
    }

    pub(crate) fn exceeded(self, what: impl fmt::Display, value: u64, key: &str) -> Ended {
        Ended::Failed(self.hit(Code::LimitExceeded, what, value, key))
    }

    pub(crate) fn timeout(self) -> Failure {
        self.hit(
            Code::Timeout,
            "the attempt outlived its timeout in milliseconds",
            self.limits.timeout_ms,
            "timeout_ms",
        )
    }
}

/// How a call into a guest went wrong.
pub(crate) enum Wrong {
    /// The host ended it, or the guest did wrong.
    Ended(Ended),
    /// The pool has no room for it.
    PoolFull,
    /// The machine has no room for it.
    NoRoom(String),
}

/// What `error`, which a call into a guest returned, means.
pub(crate) fn classify(
    error: &wasmtime::Error,
    limits: LimitsOf<'_>,
    allowance: &Allowance,
    last_words: &str,
) -> Wrong {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return Wrong::Ended(match ended.clone() {
            Ended::Failed(failure) => Ended::Failed(with_backtrace(failure, error)),
            stopped @ (Ended::Stopped(_) | Ended::Interrupted(_)) => stopped,
        });
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Wrong::PoolFull;
    }
    let failure = if error.downcast_ref::<Trap>() == Some(&Trap::OutOfFuel) {
        limits.hit(Code::OutOfFuel, "the attempt used all its fuel", limits.limits.fuel, "fuel")
    } else if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        let what = "the component called itself so deeply that its stack has more bytes than it may";
        limits.hit(Code::LimitExceeded, what, limits.limits.stack_bytes_max, "stack_bytes_max")
    } else if let Some(refused) = allowance.refused() {
        refused_growth(refused, limits)
    } else if let Some(failure) = too_many(error, limits) {
        failure
    } else if innermost(error).contains("total size of fields exceeds limit") {
        let message =
            format!("the job set headers of more bytes than a request may have: {HEADERS_BYTES_MAX}");
        Failure::new(Code::LimitExceeded, message)
    } else if let Some(exit) = error.downcast_ref::<I32Exit>() {
        Failure::new(
            Code::Trap,
            with_last_words(
                format!("the component exited with status {} instead of returning a result", exit.0),
                last_words,
            ),
        )
    } else if is_hostcall_fuel(error) {
        let what = "the job passed more bytes to the host in one call than it may";
        limits.hit(Code::LimitExceeded, what, limits.limits.bytes_of_one_call(), "call_bytes_max")
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        Failure::new(Code::Trap, with_last_words(format!("the component trapped: {trap}"), last_words))
    } else if error.is::<std::io::Error>() || error.is::<rustix::io::Errno>() {
        return Wrong::NoRoom(innermost(error));
    } else {
        Failure::new(
            Code::Trap,
            with_last_words(format!("the component trapped: {}", innermost(error)), last_words),
        )
    };
    Wrong::Ended(Ended::Failed(with_backtrace(failure, error)))
}

fn refused_growth(refused: Refused, limits: LimitsOf<'_>) -> Failure {
    match refused {
        Refused::Memory(wanted) => limits.hit(
            Code::OutOfMemory,
            format_args!("the attempt asked for {wanted} bytes of memory, and may have"),
            limits.limits.memory_bytes_max,
            "memory_bytes_max",
        ),
        Refused::TableElements(wanted) => limits.hit(
            Code::LimitExceeded,
            format_args!("the attempt asked for {wanted} elements in its tables, and may have"),
            limits.limits.table_elements_max,
            "table_elements_max",
        ),
    }
}

/// The failure of a guest that had too many of something. wasmtime says most of it in words only.
fn too_many(error: &wasmtime::Error, of: LimitsOf<'_>) -> Option<Failure> {
    let Limits { tables_max, instances_max, memories_max, resources_max, random_bytes_max, .. } = *of.limits;
    let said = innermost(error);
    let is_full = matches!(error.downcast_ref(), Some(ResourceTableError::Full))
        || said.contains("store handle limit exceeded");
    let (what, value, key) = if is_full {
        (
            "the job holds too many streams, cursors and other things of the host; it may hold",
            resources_max,
            "resources_max",
        )
    } else if said.starts_with("resource limit exceeded: table count") {
        ("the component has more tables than it may", tables_max, "tables_max")
    } else if said.starts_with("resource limit exceeded: memory count") {
        ("the component has more memories than it may", memories_max, "memories_max")
    } else if said.starts_with("resource limit exceeded: ") {
        ("the component has more core modules than it may", instances_max, "instances_max")
    } else if said.starts_with("requested len ") {
        ("the job asked for more random bytes in one call than it may", random_bytes_max, "random_bytes_max")
    } else {
        return None;
    };
    Some(of.hit(Code::LimitExceeded, what, value.into(), key))
}

fn with_last_words(message: String, last_words: &str) -> String {
    let words = last_words.trim();
    if words.is_empty() { message } else { format!("{message}; it last wrote: {words}") }
}

fn with_backtrace(failure: Failure, error: &wasmtime::Error) -> Failure {
    let Some(told) = error.downcast_ref::<WasmBacktrace>().and_then(backtrace::told) else { return failure };
    let detail = failure.detail.as_ref().map(|detail| format!("{detail}\n")).unwrap_or_default();
    failure.with_detail(detail + &told)
}

/// The failure with the operator's words for it, where they say more.
pub(crate) fn with_full(failure: Failure, full: &str) -> Failure {
    if failure.message.contains(full) { failure } else { failure.with_detail(full) }
}

/// wasmtime keeps the type of this error to itself.
fn is_hostcall_fuel(error: &wasmtime::Error) -> bool {
    innermost(error).contains("fuel allocated for hostcalls has been exhausted")
}

/// The cause at the bottom of `error`, without the backtrace that wasmtime puts around it: to print that one would print
/// names of any length.
pub(crate) fn innermost(error: &wasmtime::Error) -> String {
    error.chain().last().map(ToString::to_string).unwrap_or_default()
}
