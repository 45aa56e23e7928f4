//! What one check may take: steps, memory for what is wrong, and stack.
//!
//! The library asks the value for everything it needs and has no means of stopping it. So the value counts
//! (`counted.rs`), and when a budget is spent it unwinds through the library up to [`within`].

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes of stack below the call of [`within`]. A thread of the runtime has two megabytes.
const STACK_MAX: usize = 1 << 20;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(u64::MAX) };
    static BYTES: Cell<u64> = const { Cell::new(u64::MAX) };
    static STACK_END: Cell<usize> = const { Cell::new(0) };
    static PER_ERROR: Cell<ErrorCost> = const { Cell::new(ErrorCost { each: 0, per_level: 0 }) };
    static UNDECIDED: Cell<bool> = const { Cell::new(false) };
}

/// What a check may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// See [`step`].
    pub(super) steps: u64,
    /// Of all errors together.
    pub(super) bytes: u64,
}

/// Why a check ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Steps,
    Bytes,
    Stack,
    /// The library failed. It should not, and then nothing is known about the value.
    Broken,
}

/// Bytes that an error of a schema may take, apart from what it shows of the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorCost {
    pub(super) each: u64,
    /// For each level of the value at which the error is: `$ref`s are recorded on the way.
    pub(super) per_level: u64,
}

/// A finished check.
pub(super) struct Finished<T> {
    pub(super) result: T,
    /// A pattern was given up, and counted as one that does not match.
    pub(super) undecided: bool,
}

/// Runs a check of counted values within its budgets.
pub(super) fn within<T>(
    limits: Limits,
    per_error: ErrorCost,
    check: impl FnOnce() -> T,
) -> Result<Finished<T>, Stopped> {
    STEPS.set(limits.steps);
    BYTES.set(limits.bytes);
    PER_ERROR.set(per_error);
    UNDECIDED.set(false);
    STACK_END.set(stack_pointer().saturating_sub(STACK_MAX));
    // What the check was building is dropped, and a validator has no state that a check changes.
    let ended = catch_unwind(AssertUnwindSafe(check));
    STEPS.set(u64::MAX);
    BYTES.set(u64::MAX);
    STACK_END.set(0);
    match ended {
        Ok(result) => Ok(Finished { result, undecided: UNDECIDED.get() }),
        Err(payload) => Err(payload.downcast::<Stopped>().map_or(Stopped::Broken, |stopped| *stopped)),
    }
}

/// One step of a check, on the order of ten nanoseconds.
#[inline]
pub(super) fn step() {
    if stack_pointer() < STACK_END.get() {
        stop(Stopped::Stack);
    }
    charge(1);
}

#[inline]
pub(super) fn charge(steps: u64) {
    match STEPS.get().checked_sub(steps) {
        Some(left) => STEPS.set(left),
        None => stop(Stopped::Steps),
    }
}

/// Memory for an error about a value `levels` deep, with `bytes` of texts.
pub(super) fn hold_error(levels: u64, bytes: u64) {
    let ErrorCost { each, per_level } = PER_ERROR.get();
    let cost = each.saturating_add(per_level.saturating_mul(levels)).saturating_add(bytes);
    match BYTES.get().checked_sub(cost) {
        Some(left) => BYTES.set(left),
        None => stop(Stopped::Bytes),
    }
}

/// Notes that a pattern was given up.
pub(super) fn give_up_pattern() {
    UNDECIDED.set(true);
}

/// About where the stack ends at present. It grows towards lower addresses on every system that is supported.
#[inline]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

/// Unwinds without the message that a panic prints.
#[cold]
#[inline(never)]
fn stop(why: Stopped) -> ! {
    resume_unwind(Box::new(why))
}
