//! A process that stands still for longer than its leases, and wakes when another one has done its work.

use rusqlite::Connection;

use super::{files, made, outcomes, project, steps, undisturbed, until_step};
use crate::support::{Client, Machine, Project, until};

/// Stops a process. One that is stopped in the middle of a commit keeps every other from writing for as long as it stands
/// still, which is how SQLite keeps commits whole; such a process is let go and stopped again.
fn stop_outside_of_a_commit(project: &Project, client: &Client) {
    let database = Connection::open(project.path("data/longshore.db")).unwrap();
    until("a moment outside of a commit", || {
        client.signal("STOP");
        // Its threads go on for a moment, and one could begin a commit then.
        until("all of it to stand still", || client.stands_still());
        let is_free = database.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
        if !is_free {
            client.signal("CONT");
        }
        is_free
    });
}

/// Runs a job in a process that is stopped at that step, lets another one complete it, and wakes the first.
fn wakes_too_late(step: u64) {
    let project = project();
    let machine = Machine::new(&project);
    let mut stalled = machine.serve("stalled");
    let expected = undisturbed(&mut stalled, steps(0));
    let id = stalled.enqueue("counter", steps(150));
    until_step(&mut stalled, &id, step);
    stop_outside_of_a_commit(&project, &stalled);
    let mut other = machine.serve("other");
    let status = other.ended(&id);
    assert_eq!(made(&status), expected);

    stalled.signal("CONT");
    machine.until_logged("stalled", "lost its lease");
    machine.until_logged("stalled", "ended without its lease");
    // It changed nothing and left nothing, and is of use again.
    let status = other.ended(&id);
    assert_eq!(made(&status), expected);
    assert_eq!(status["attempts"], 2, "{status}");
    assert_eq!(outcomes(&project, &id), ["worker_lost", "completed"]);
    until("its files to be gone", || files(&project.path("data/work")).is_empty());
    let folders = std::fs::read_dir(project.path("data/work")).unwrap().count();
    assert_eq!(folders, 0, "no folder stays, either");
    assert_eq!(undisturbed(&mut stalled, steps(0)), expected);
}

#[test]
fn a_process_that_stalled_before_it_saved_is_fenced() {
    wakes_too_late(0);
}

#[test]
fn a_process_that_stalled_between_saves_is_fenced() {
    wakes_too_late(3);
}
