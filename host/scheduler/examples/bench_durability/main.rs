//! Measures what the queue costs beside a long history and a long schedule, and what durability costs it. Prints one
//! JSON object.
//!
//! | key | meaning |
//! |---|---|
//! | `claim_ratio` | a claim and its end, beside a million finished and a million scheduled tasks, over the same without them |
//! | `sweep_ratio` | the same of a sweep that recovers expired leases and queues due tasks |
//! | `idle_sweep_ratio` | the same of a sweep that finds nothing, as most do |
//! | `submit_ratio` | the same of a submission |
//! | `prune_ratio` | the same of forgetting finished tasks whose time is over |
//! | `store_full_over_off` | tasks per second, submitted and ended by many callers, with `synchronous` `FULL` over `OFF` |
//! | `claim_us`, `sweep_us`, … | what each cost, without and with, median |
//!
//! Each kind of work begins with an empty write-ahead log, and its time ends when the log is back in the database. So it
//! pays for all pages that it changed, and for no others: ids are random, and a submission changes a page anywhere in a
//! large index, which whoever came next would have to bring back.
//!
//! All stores are measured in turns within each round. A ratio is the median of the rounds' ratios, because a noisy
//! neighbour is noisy for both halves of a round.
//!
//! `bench_durability [--history N] [--schedule N] [--rounds N] [--tasks N] [--sync full|normal|off]`

mod arguments;
mod figures;
mod queue;
mod work;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use longshore_store::{StoreOptions, Synchronous, fill_history, fill_schedule};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::figures::{Costs, fdatasync_us, median};
use crate::queue::Queue;

fn main() -> std::io::Result<()> {
    let arguments = Arguments::read();
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(measure(&arguments));
    writeln!(std::io::stdout(), "{report}")
}

async fn measure(arguments: &Arguments) -> Value {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let filled_path = folder.path().join("filled").join("tasks.db");
    say(&format!("filling in {} finished and {} scheduled tasks", arguments.history, arguments.schedule));
    std::fs::create_dir_all(folder.path().join("filled")).expect("a folder can be made");
    fill_history(&filled_path, arguments.history).expect("a history can be made");
    fill_schedule(&filled_path, arguments.schedule).expect("a schedule can be made");
    let open = |name: &str, synchronous: Synchronous| {
        let options = StoreOptions { synchronous, ..StoreOptions::default() };
        Queue::open(&folder.path().join(name), options)
    };
    let mut empty = open("empty", arguments.synchronous);
    let mut filled = open("filled", arguments.synchronous);
    let (mut full, mut off) = (open("full", Synchronous::Full), open("off", Synchronous::Off));

    let (mut without, mut with) = (Costs::default(), Costs::default());
    let (mut full_s, mut off_s) = (Vec::new(), Vec::new());
    let mut syncs = Vec::new();
    for round in 1..=arguments.rounds {
        say(&format!("round {round} of {}", arguments.rounds));
        syncs.push(fdatasync_us(folder.path()));
        // Which one is first changes, so that neither always finds the machine as the other left it.
        if round % 2 == 0 {
            beside(&mut empty, &mut without, arguments).await;
            beside(&mut filled, &mut with, arguments).await;
            full_s.push(full.submit_and_end(arguments.tasks).await.as_secs_f64());
            off_s.push(off.submit_and_end(arguments.tasks).await.as_secs_f64());
        } else {
            beside(&mut filled, &mut with, arguments).await;
            beside(&mut empty, &mut without, arguments).await;
            off_s.push(off.submit_and_end(arguments.tasks).await.as_secs_f64());
            full_s.push(full.submit_and_end(arguments.tasks).await.as_secs_f64());
        }
    }

    let full_over_off: Vec<f64> = full_s.iter().zip(&off_s).map(|(full, off)| off / full).collect();
    let per_s = |seconds: &[f64]| (arguments.tasks as f64 / median(seconds)).round();
    json!({
        "claim_ratio": with.claim.over(&without.claim),
        "sweep_ratio": with.sweep.over(&without.sweep),
        "idle_sweep_ratio": with.idle_sweep.over(&without.idle_sweep),
        "submit_ratio": with.submit.over(&without.submit),
        "prune_ratio": with.prune.over(&without.prune),
        "store_full_over_off": figures::round(median(&full_over_off), 1e3),
        "claim_us": { "without": without.claim.us(), "with": with.claim.us() },
        "sweep_us": { "without": without.sweep.us(), "with": with.sweep.us() },
        "idle_sweep_us": { "without": without.idle_sweep.us(), "with": with.idle_sweep.us() },
        "submit_us": { "without": without.submit.us(), "with": with.submit.us() },
        "prune_us": { "without": without.prune.us(), "with": with.prune.us() },
        "store_tasks_per_s": { "full": per_s(&full_s), "off": per_s(&off_s) },
        "store_fdatasync_us": figures::round(median(&syncs), 1.0),
        "finished_rows": arguments.history,
        "scheduled_rows": arguments.schedule,
        "rounds": arguments.rounds,
        "synchronous": format!("{:?}", arguments.synchronous).to_lowercase(),
    })
}

/// One round on one store. Each figure is that of one task, or of one sweep that finds nothing.
async fn beside(queue: &mut Queue, costs: &mut Costs, arguments: &Arguments) {
    let each = |time: Duration, count: usize| time.as_secs_f64() * 1e6 / count as f64;
    queue.write_log_back();
    costs.submit.push(each(queue.submit(arguments.tasks).await + queue.write_log_back(), arguments.tasks));
    costs.claim.push(each(queue.claim_and_end().await + queue.write_log_back(), arguments.tasks));
    costs.prune.push(each(queue.prune(arguments.tasks).await + queue.write_log_back(), arguments.tasks));
    let (mut sweeping, mut swept) = (Duration::ZERO, 0);
    for _ in 0..arguments.sweeps {
        let (time, tasks) = queue.sweep_up().await;
        sweeping += time;
        swept += tasks;
    }
    costs.sweep.push(each(sweeping, swept));
    costs.idle_sweep.push(each(queue.sweep_in_vain(arguments.idle_sweeps).await, arguments.idle_sweeps));
}

fn say(text: &str) {
    // Nobody reads it if stderr is closed.
    let _ = writeln!(std::io::stderr(), "durability: {text}");
}

/// The folder that a store and the files of its tasks share.
fn store_file(folder: &Path) -> std::path::PathBuf {
    folder.join("tasks.db")
}
