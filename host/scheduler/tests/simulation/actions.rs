//! What happens in a run: each step one thing, chosen by chance.

use std::time::Duration;

use longshore_scheduler::SubmitRequest;
use serde_json::json;

use crate::process::Loop;
use crate::world::{JOB_TYPES, World};

/// Most tasks of a run. Fewer tasks meet more often.
const TASKS_MAX: usize = 40;

impl World {
    /// Does one thing, and checks what it led to.
    pub(crate) fn act(&mut self) {
        self.step += 1;
        let index = self.rng.usize(0..self.processes.len());
        if self.processes[index].is_drained() {
            self.say(format!("{} has drained and ends", self.processes[index].name));
            self.replace(index);
            return;
        }
        if self.processes[index].stalled_until > self.step {
            return self.turn_clock();
        }
        match self.rng.u32(0..100) {
            0..55 => self.go_on(index),
            55..57 => self.pause_or_resume(index),
            57..72 => self.begin_loop(index),
            72..80 => self.submit(index),
            80..83 => self.with_task(index, "cancels", |world, task| world.processes[index].cancel(task)),
            83..85 => self.with_task(index, "retries", |world, task| world.processes[index].retry(task)),
            85..86 => self.with_task(index, "looks at", |world, task| world.processes[index].look_at(task)),
            86..91 => self.turn_clock(),
            91..93 => self.stall(index),
            93..95 => self.crash(index),
            95..96 => self.drain(index),
            _ => self.change_catalog(index),
        }
        self.check();
    }

    fn go_on(&mut self, index: usize) {
        let waiting = self.processes[index].gates.waiting();
        if waiting == 0 {
            return self.begin_loop(index);
        }
        let chosen = self.rng.usize(0..waiting);
        let (chance, fail) = (self.rng.u64(..), self.rng.u32(0..25) == 0);
        self.release(index, chosen, chance, fail);
    }

    fn begin_loop(&mut self, index: usize) {
        let which = Loop::ALL[self.rng.usize(0..Loop::ALL.len())];
        if self.processes[index].begin(which) {
            self.say(format!("{} begins {which:?}", self.processes[index].name));
        }
    }

    fn pause_or_resume(&mut self, index: usize) {
        let name = JOB_TYPES[self.rng.usize(0..JOB_TYPES.len())];
        // Resumed more often, so that most types are not paused most of the time.
        let pauses = self.rng.u32(0..3) == 0;
        let (process, what) = (&self.processes[index], if pauses { "pauses" } else { "resumes" });
        self.say(format!("{} {what} {name}", process.name));
        process.pause_or_resume(name, pauses);
    }

    fn submit(&mut self, index: usize) {
        if self.snapshot.len() >= TASKS_MAX {
            return;
        }
        let rng = &mut self.rng;
        let request = SubmitRequest {
            job_type: JOB_TYPES[rng.usize(0..JOB_TYPES.len())].into(),
            payload: json!({ "number": rng.u32(0..2) }),
            idempotency_key: (rng.u32(0..3) == 0).then(|| rng.u32(0..4).to_string()),
            priority: rng.i32(-2..3),
            delay: (rng.u32(0..4) == 0).then(|| Duration::from_millis(rng.u64(0..10_000))),
            max_wait: (rng.u32(0..4) == 0).then(|| Duration::from_millis(rng.u64(0..60_000))),
            run_at: None,
            callback_url: None,
        };
        self.say(format!("{} is asked for {request:?}", self.processes[index].name));
        self.processes[index].submit(request);
    }

    fn with_task(&mut self, index: usize, verb: &str, act: impl Fn(&Self, longshore_domain::TaskId)) {
        if let Some(task) = self.any_task() {
            let name = self.shared.book.name(task);
            self.say(format!("{} {verb} {name}", self.processes[index].name));
            act(self, task);
        }
    }

    /// Mostly a little, sometimes longer than a lease, and sometimes back, as a wall clock that is set does.
    fn turn_clock(&mut self) {
        let ms = match self.rng.u32(0..20) {
            0 => self.rng.i64(6_000..20_000),
            1 => -self.rng.i64(0..500),
            _ => self.rng.i64(0..1_500),
        };
        self.shared.clock.turn(ms);
        self.say(format!("the clock is turned by {ms} ms"));
    }

    /// For some steps nothing of the process goes on: it is swapped out, or its machine sleeps.
    fn stall(&mut self, index: usize) {
        let steps = self.rng.u64(10..60);
        self.processes[index].stalled_until = self.step + steps;
        self.say(format!("{} stalls for {steps} steps", self.processes[index].name));
    }

    fn crash(&mut self, index: usize) {
        self.say(format!("{} crashes", self.processes[index].name));
        self.replace(index);
        // It begins without its plugins, which are compiled first; some come soon.
        for name in JOB_TYPES {
            if self.rng.u32(0..4) > 0 {
                self.load(index, name);
            }
        }
    }

    fn drain(&mut self, index: usize) {
        if self.rng.bool() {
            self.say(format!("{} asks its jobs to stop", self.processes[index].name));
            self.processes[index].ask_to_stop();
        } else {
            self.say(format!("{} drains", self.processes[index].name));
            self.processes[index].drain();
        }
    }

    fn change_catalog(&mut self, index: usize) {
        let name = JOB_TYPES[self.rng.usize(0..JOB_TYPES.len())];
        if self.rng.u32(0..3) == 0 {
            self.say(format!("{} loses {name}", self.processes[index].name));
            self.processes[index].unload(name);
        } else {
            self.say(format!("{} has a new version of {name}", self.processes[index].name));
            self.load(index, name);
        }
    }
}
