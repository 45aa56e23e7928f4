//! The end of a run: all processes are healthy, all plugins are there, no job misbehaves. Everything must end.

use std::time::Duration;

use longshore_domain::Clock;

use crate::process::Loop;
use crate::tables::{Place, TaskRows};
use crate::world::World;

/// Rounds within which everything has ended.
const ROUNDS_MAX: u32 = 150;
/// Time within which it has: a message whose channel nobody knows is tried for a good day.
const TIME_MAX: Duration = Duration::from_secs(36 * 60 * 60);

impl World {
    /// Goes on until nothing is left to do.
    pub(crate) fn heal(&mut self) {
        self.calm_down();
        let began = self.shared.clock.now();
        self.say("calm from here on");
        for _ in 0..ROUNDS_MAX {
            self.everything_once();
            if self.snapshot.values().all(is_done) {
                assert!(self.shared.clock.now().since(began) < TIME_MAX, "it took too long");
                return;
            }
            self.wait_for_something();
        }
        let left: Vec<_> = self.snapshot.values().filter(|task| !is_done(task)).collect();
        panic!("this never ends: {left:#?}");
    }

    /// What brings tasks to their ends, once: in every process if it is about its own attempts, in one of them if one is
    /// enough. Attempts run to their ends at once now, so none has a lease to renew or a stop to be told.
    fn everything_once(&mut self) {
        self.resume_all();
        for index in 0..self.processes.len() {
            self.run_to_the_end(index, Loop::Dispatch);
        }
        for which in [Loop::Sweep, Loop::Recover, Loop::Promote, Loop::Deliver] {
            let index = self.rng.usize(0..self.processes.len());
            self.run_to_the_end(index, which);
        }
    }

    /// Begins a round of a loop, and lets all that stands still in that process go on until nothing does.
    fn run_to_the_end(&mut self, index: usize, which: Loop) {
        self.processes[index].begin(which);
        self.check();
        while self.processes[index].gates.waiting() > 0 {
            let chance = self.rng.u64(..);
            self.step += 1;
            self.release(index, 0, chance, false);
            self.check();
        }
    }

    /// Moves the clock to the next moment at which something is due.
    fn wait_for_something(&mut self) {
        let now = self.shared.clock.now().ms();
        let next = self.snapshot.values().flat_map(due).filter(|at| *at > now).min();
        self.advance(Duration::from_millis(next.map_or(1_000, |at| (at - now) as u64)));
        self.say("time passes");
    }
}

fn is_done(task: &TaskRows) -> bool {
    let mailed = task.messages.iter().all(|message| message.state != "pending");
    task.state().is_terminal() && !task.unpublished && mailed
}

/// When something is due for a task.
fn due(task: &TaskRows) -> Vec<i64> {
    let mut due: Vec<i64> = task.messages.iter().filter_map(|message| message.due_at).collect();
    match task.place() {
        Place::Scheduled { due_at } => due.push(*due_at),
        Place::Running { until, .. } => due.push(*until),
        Place::Ready | Place::Finished { .. } => {}
    }
    due
}
