//! Measures what the sandbox costs, and prints one JSON object.
//!
//! | key | meaning |
//! |---|---|
//! | `start_us`, `bare_start_us` | instantiate, run an empty job, drop: in the sandbox, and in a bare wasmtime program that has the same pool and WASI, and neither limits nor a host interface |
//! | `start_ratio` | the first over the second |
//! | `compute_over_native` | the time of a job that computes over that of the same source as native code |
//! | `fuel_cost`, `epoch_cost`, `both_cost` | what counting fuel, looking at the epoch and both cost the same job in a bare program: its time over that with neither |
//! | `host_call_ns` | one call of the host, `progress.report` |
//! | `live_1000_mib` | memory of 1,000 attempts that wait in the host, all together |
//! | `native_ms`, `sandbox_ms` | what the computing took |
//!
//! Everything is measured in turns within each round. A ratio is the median of the rounds' ratios, because a noisy
//! neighbour is noisy for all parts of a round.
//!
//! `bench_sandbox [--rounds N] [--live N]`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

mod bare;
mod figures;
#[path = "../../../../tests/guests/compute/src/kernel.rs"]
mod kernel;
mod live;
mod product;

use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use longshore_guest_build::{Toolchain, build};
use serde_json::{Value, json};

use crate::bare::{Bare, Metering};
use crate::figures::{median, over, rounded};
use crate::product::Product;

/// Empty jobs in a row.
const STARTS: u32 = 400;
/// How often the work is done in one job.
const COMPUTE: u32 = 120;
/// Calls of the host in one job.
const CALLS: u32 = 2_000_000;

struct Arguments {
    rounds: usize,
    live: usize,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments { rounds: 9, live: 1_000 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_else(|| panic!("{word} wants a value"));
        let number = value.parse::<usize>().unwrap_or_else(|_| panic!("{word} wants a number")).max(1);
        match word.as_str() {
            "--rounds" => arguments.rounds = number,
            "--live" => arguments.live = number,
            other => panic!("{other} is not known"),
        }
    }
    arguments
}

fn main() -> std::io::Result<()> {
    let arguments = arguments();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Not on the main thread: a host runs its attempts on workers, too.
    let report = runtime.block_on(runtime.spawn(measure(arguments))).unwrap();
    writeln!(std::io::stdout(), "{report}")
}

async fn measure(arguments: Arguments) -> Value {
    let [trivial, compute, sleeper] = ["trivial", "compute", "sleeper"].map(guest);
    let bare = Bare::new(Metering::None, &trivial).await;
    let product = Product::new(64);
    let (empty, work) = (product.load(&trivial).await, product.load(&compute).await);
    let mut metered = Vec::new();
    for metering in [Metering::None, Metering::Fuel, Metering::Epoch, Metering::Both] {
        metered.push(Bare::new(metering, &compute).await);
    }
    let (mut starts, mut bare_starts) = (Vec::new(), Vec::new());
    let (mut native, mut sandboxed, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let mut costs = vec![Vec::new(); metered.len()];
    let input = json!({ "rounds": COMPUTE }).to_string();
    let sum = kernel::compute(COMPUTE).to_string();
    for round in 1..=arguments.rounds {
        say(&format!("round {round} of {}", arguments.rounds));
        let began = Instant::now();
        for _ in 0..STARTS {
            bare.run("{}").await;
        }
        bare_starts.push(us_each(began, STARTS));
        let began = Instant::now();
        for _ in 0..STARTS {
            product.run(&empty, "{}").await;
        }
        starts.push(us_each(began, STARTS));

        let began = Instant::now();
        black_box(kernel::compute(black_box(COMPUTE)));
        native.push(us_each(began, 1));
        let began = Instant::now();
        assert_eq!(product.run(&work, &input).await, sum, "the sandbox computes as the machine does");
        sandboxed.push(us_each(began, 1));
        for (bare, costs) in metered.iter().zip(&mut costs) {
            let began = Instant::now();
            assert_eq!(bare.run(&input).await, sum);
            costs.push(us_each(began, 1));
        }

        let began = Instant::now();
        product.run(&work, "{}").await;
        let without = began.elapsed();
        let began = Instant::now();
        product.run(&work, &json!({ "calls": CALLS }).to_string()).await;
        calls.push(began.elapsed().saturating_sub(without).as_secs_f64() * 1e9 / f64::from(CALLS));
    }
    json!({
        "start_us": rounded(median(&starts), 10.0),
        "bare_start_us": rounded(median(&bare_starts), 10.0),
        "start_ratio": over(&starts, &bare_starts),
        "compute_over_native": over(&sandboxed, &native),
        "fuel_cost": over(&costs[1], &costs[0]),
        "epoch_cost": over(&costs[2], &costs[0]),
        "both_cost": over(&costs[3], &costs[0]),
        "host_call_ns": rounded(median(&calls), 10.0),
        "live_1000_mib": rounded(live::mib(&sleeper, arguments.live).await * 1e3 / arguments.live as f64, 10.0),
        "native_ms": rounded(median(&native) / 1e3, 10.0),
        "sandbox_ms": rounded(median(&sandboxed) / 1e3, 10.0),
        "rounds": arguments.rounds,
    })
}

fn us_each(began: Instant, times: u32) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

/// The component of a test guest.
fn guest(name: &str) -> PathBuf {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let toolchain = Toolchain::find().unwrap_or_else(|error| panic!("{error}"));
    let guests = build(&workspace, &toolchain).unwrap_or_else(|error| panic!("{error}"));
    let guest = guests.into_iter().find(|guest| guest.name == name);
    guest.unwrap_or_else(|| panic!("there is no guest {name}")).component
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "bench_sandbox: {line}");
}
