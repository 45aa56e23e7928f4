//! Reads clocks and random numbers to learn of the host: how long it runs, where it is, what it gave to others.
//!
//! It ends well only where there was nothing to learn.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gallery::JobError;
use gallery::longshore::job::task;

/// A clock that begins with the attempt cannot show more than this.
const ATTEMPT_SECONDS: u64 = 60;

gallery::guest!("Reads clocks and random numbers.", |_| {
    let learned = [uptime(), offset(), repeated()];
    let learned: Vec<&str> = learned.into_iter().flatten().collect();
    if learned.is_empty() {
        Ok("{\"learned\": []}".into())
    } else {
        Err(JobError::Failed(learned.join("; ")))
    }
});

/// What the monotonic clock shows from its beginning, which may be that of the host or of the machine.
fn uptime() -> Option<&'static str> {
    // Its debug form is the only way to its number.
    let text = format!("{:?}", Instant::now());
    let digits = |c: char| !c.is_ascii_digit();
    let numbers: Vec<u64> = text.split(digits).filter_map(|number| number.parse().ok()).collect();
    let seconds = match numbers.as_slice() {
        [nanos] => nanos / 1_000_000_000,
        [seconds, ..] => *seconds,
        [] => 0,
    };
    (seconds > ATTEMPT_SECONDS).then_some("the monotonic clock shows since when the host runs")
}

/// Whether the wall clock differs from the time that the host says itself.
fn offset() -> Option<&'static str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let task = task::current();
    (now < task.created_at_ms || now > task.deadline_ms).then_some("the wall clock is not that of the task")
}

/// Whether random numbers come again.
fn repeated() -> Option<&'static str> {
    let draw = || RandomState::new().build_hasher().finish();
    (draw() == draw()).then_some("random numbers come again")
}
