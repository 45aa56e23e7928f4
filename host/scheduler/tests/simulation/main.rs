//! The scheduler under a seeded virtual clock on real SQLite. Several processes submit, claim, save, crash,
//! stall, cancel, retry and lose their plugins, one call of the store at a time, in an order that follows from a seed;
//! after each step the tables must hold what the answers promised.
//!
//! `SIM_SEED=7` runs one seed and prints what happened; `SIM_RUNS=10000` runs so many.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod actions;
mod book;
mod calls;
mod check;
#[path = "../common/mod.rs"]
mod common;
mod database;
mod gates;
mod heal;
mod outside;
mod process;
mod program;
mod scenarios;
mod seen;
mod store;
mod tables;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::seen::{KINDS, Seen};
use crate::world::{Trace, World};

/// Steps of a run before it is let come to its end. Most runs are short, for many of them find more than a few long ones;
/// one in ten is long, for what builds up slowly.
const SHORT: std::ops::Range<u64> = 30..150;
const LONG: u64 = 600;
const LONG_ONE_IN: u64 = 10;
/// Runs of a usual test: enough for everything to happen, and few enough for every change to wait for them. Optimised, ten
/// times as many take a third of the time.
const RUNS: u64 = if cfg!(debug_assertions) { 300 } else { 3_000 };

/// Runs one seed to its end, and says step by step and in sum what happened.
fn run(seed: u64) -> (Vec<String>, Seen) {
    let trace = Trace::default();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, trace.clone());
        for _ in 0..steps(seed) {
            world.act();
        }
        world.heal();
        world.seen
    }));
    // The panic itself was printed where it happened.
    let Ok(seen) = ended else {
        panic!("{}\nrun it again with SIM_SEED={seed}", trace.lines().join("\n"));
    };
    (trace.lines(), seen)
}

fn steps(seed: u64) -> u64 {
    if seed.is_multiple_of(LONG_ONE_IN) { LONG } else { fastrand::Rng::with_seed(seed).u64(SHORT) }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_is_done_twice() {
    if let Some(seed) = variable("SIM_SEED") {
        println!("{}", run(seed).0.join("\n"));
        return;
    }
    let runs = variable("SIM_RUNS").unwrap_or(RUNS);
    let (next, sum) = (AtomicU64::new(0), Mutex::new((0, Seen::new())));
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(8));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= runs {
                        return;
                    }
                    let (trace, seen) = run(seed);
                    let (steps, all) = &mut *sum.lock().unwrap();
                    *steps += trace.len();
                    for (kind, count) in seen {
                        *all.entry(kind).or_default() += count;
                    }
                }
            });
        }
    });
    let (steps, seen) = sum.into_inner().unwrap();
    println!("{runs} runs, {steps} steps: {seen:#?}");
    let missing: Vec<_> = KINDS.into_iter().filter(|kind| !seen.contains_key(kind)).collect();
    assert!(missing.is_empty() || runs < RUNS, "this never happened: {missing:?}");
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed).0, run(seed).0);
        assert_eq!(first.len(), second.len());
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(first, second);
        }
    }
}
