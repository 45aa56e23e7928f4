//! A wall clock that is set back or ahead while jobs run.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{made, project, steps, undisturbed, until_step};
use crate::support::Machine;

const HOURS: Duration = Duration::from_secs(3 * 60 * 60);

/// No time of a job is before one that must have come earlier.
fn assert_in_order(status: &Value) {
    let time = |name: &str| status[name].as_str().unwrap_or_else(|| panic!("no {name}: {status}")).to_owned();
    // RFC 3339 in UTC with the same number of digits is in the order of its text.
    assert!(time("created_at") <= time("started_at"), "{status}");
    assert!(time("started_at") <= time("completed_at"), "{status}");
}

#[test]
fn a_clock_that_is_set_back_holds_up_nothing() {
    let project = project();
    let machine = Machine::new(&project);
    machine.sets_clock_ahead(HOURS);
    let mut client = machine.serve("first");
    let expected = undisturbed(&mut client, steps(0));
    let running = client.enqueue("counter", steps(150));
    until_step(&mut client, &running, 2);
    machine.sets_clock_ahead(Duration::ZERO);
    // One that runs goes on, in its attempt; one that comes now runs at once.
    let next = client.enqueue("counter", steps(0));
    let next = client.ended(&next);
    assert_eq!(made(&next), expected);
    assert_in_order(&next);
    let status = client.ended(&running);
    assert_eq!(made(&status), expected);
    assert_in_order(&status);
    assert_eq!(status["attempts"], 1, "nobody took it for lost: {:#?}", machine.log("first"));
}

#[test]
fn what_a_dead_process_left_is_not_held_up_by_a_clock_that_was_ahead() {
    let project = project();
    // A retry that would come in three hours and a second, by the clock of then.
    project.add_guest("counter", "[retry]\nmin_backoff_ms = 1000\njitter = 0.0\n");
    let machine = Machine::new(&project);
    machine.sets_clock_ahead(HOURS);
    let mut client = machine.serve("first");
    let running = client.enqueue("counter", steps(200));
    until_step(&mut client, &running, 2);
    let retried = client.enqueue("counter", json!({"steps": 2, "fail_at": 1}));
    client.until(&retried, |status| status["status"] == "scheduled");
    client.kill();

    machine.sets_clock_ahead(Duration::ZERO);
    let begin = Instant::now();
    let mut client = machine.serve("second");
    for id in [&running, &retried] {
        let status = client.ended(id);
        made(&status);
        assert_in_order(&status);
        assert_eq!(status["attempts"], 2, "{status}");
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn a_clock_that_jumps_ahead_takes_no_job_from_those_who_run_it() {
    let project = project();
    let machine = Machine::new(&project);
    let (mut one, mut other) = (machine.serve("one"), machine.serve("other"));
    let expected = undisturbed(&mut other, steps(0));
    let id = one.enqueue("counter", steps(200));
    until_step(&mut one, &id, 1);
    machine.sets_clock_ahead(HOURS);
    let status = one.ended(&id);
    assert_eq!(made(&status), expected);
    assert_in_order(&status);
    assert_eq!(status["attempts"], 1, "{:#?} {:#?}", machine.log("one"), machine.log("other"));
}
