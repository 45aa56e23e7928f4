//! Orders of events that the simulation found, each as short as it can be.

use longshore_scheduler::SubmitRequest;
use serde_json::json;

use crate::process::Loop;
use crate::world::{Trace, World};

impl World {
    /// Lets the oldest that stands still in the first process go on.
    fn next(&mut self) {
        self.release(0, 0, 0, false);
        self.check();
    }
}

#[test]
fn a_drain_gives_back_also_what_a_claim_under_way_takes() {
    let mut world = World::new(0, Trace::default());
    let request = SubmitRequest { job_type: "alpha".into(), payload: json!({}), ..SubmitRequest::default() };
    world.processes[0].submit(request);
    for _ in 0..2 {
        world.next();
    }
    world.processes[0].begin(Loop::Dispatch);
    world.next();
    // The task is claimed, and the dispatcher has not heard of it yet.
    world.processes[0].drain();
    // The check says whether a process that has drained still holds something.
    world.check();
    while !world.processes[0].is_drained() {
        world.next();
    }
}
