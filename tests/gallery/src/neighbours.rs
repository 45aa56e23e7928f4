//! Ten good tasks, and how long they take.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use longshore_bench::Result;
use serde_json::{Value, json};

use crate::desk::{Desk, has_ended, job_id};
use crate::intruder::Intruder;

/// The job type of the good tasks. Each computes for some fifty milliseconds, saves eight times and waits as often.
pub(crate) const NAME: &str = "works";

/// They save so often that on a fast machine they would wait for their own pace, and for what one round owes of it in the next,
/// more than for any guest.
pub(crate) const POLICY: &str = "[limits]\nsaves_per_second = 100_000";

const TASKS: usize = 10;

/// Has the good tasks done before anything is measured. They log much, so that the host's database then keeps as much of
/// itself in memory as it ever does: that is not memory which a guest takes.
pub(crate) fn warm_up(desk: &mut Desk) -> Result<()> {
    run(desk, &json!({ "log_much": true }), None)?;
    run(desk, &json!({}), None)?;
    Ok(())
}

/// Has the good tasks done, all at once, and says how long it took until the last one was known to have ended. If there is an
/// intruder, it is there all the time: where one of its jobs ends before, the next is submitted.
pub(crate) fn work(desk: &mut Desk, intruder: Option<&mut Intruder<'_>>) -> Result<Duration> {
    run(desk, &json!({}), intruder)
}

fn run(desk: &mut Desk, payload: &Value, mut intruder: Option<&mut Intruder<'_>>) -> Result<Duration> {
    let began = Instant::now();
    let jobs = desk.submit_many(NAME, payload, TASKS)?;
    for job in &jobs {
        desk.watch(job)?;
    }
    let mut left: HashSet<String> = jobs.into_iter().collect();
    while !left.is_empty() {
        let status = desk.hear()?;
        let job = job_id(&status)?;
        if !left.contains(job) {
            let intruder = intruder.as_mut().ok_or_else(|| format!("nobody asked about {status}"))?;
            intruder.heard(desk, &status)?;
        } else if has_ended(&status) {
            left.remove(job);
            check(&status)?;
        } else {
            desk.watch(job)?;
        }
    }
    Ok(began.elapsed())
}

/// A good task that does not end well, and at its first try, is worse than a slow one.
fn check(status: &Value) -> Result<()> {
    if status["status"] == "completed" && status["attempts"] == 1 {
        return Ok(());
    }
    Err(format!("a good task ended like this: {status}").into())
}
