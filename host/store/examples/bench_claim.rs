//! Measures the store and prints one JSON object.
//!
//! `ratio` is what a claim and its end cost beside a history of finished tasks, divided by the cost without one: both
//! stores are measured in turns within one run, and the median of the rounds' ratios counts. A round is long enough for
//! the write-ahead log to go back into the database more than once, so that its cost is in every round. The other figures
//! tell how fast this machine was: tasks a second with many callers, the latency of a lone caller, the CPU a task took,
//! and the time of one `fdatasync`.
//!
//! `bench_claim [--history N] [--rounds N] [--tasks N] [--callers N] [--folder DIR] [--sync full|normal|off]`

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore_domain::{
    ClaimRequest, ComponentSha, Finish, JobTypeClaim, JobTypeName, KeptSlots, NewTask, Next, Outcome, Owner,
    Progress, TaskId, TaskStore, Timestamp, Usage, WorkerId,
};
use longshore_store::{SqliteStore, StoreOptions, Synchronous, fill_history};
use serde_json::json;

struct Arguments {
    history: u32,
    rounds: usize,
    tasks: usize,
    callers: usize,
    folder: Option<String>,
    synchronous: Synchronous,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        history: 1_000_000,
        rounds: 9,
        tasks: 6_000,
        callers: 64,
        folder: None,
        synchronous: Synchronous::Full,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_else(|| panic!("{word} wants a value"));
        let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{word} wants a number"));
        match word.as_str() {
            "--history" => arguments.history = number() as u32,
            "--rounds" => arguments.rounds = number(),
            "--tasks" => arguments.tasks = number(),
            "--callers" => arguments.callers = number(),
            "--folder" => arguments.folder = Some(value),
            "--sync" => {
                arguments.synchronous = match value.as_str() {
                    "full" => Synchronous::Full,
                    "normal" => Synchronous::Normal,
                    "off" => Synchronous::Off,
                    other => panic!("--sync {other} is not known"),
                }
            }
            other => panic!("{other} is not known"),
        }
    }
    arguments
}

fn now() -> Timestamp {
    Timestamp::from_ms(1_763_000_000_000)
}

fn job_type() -> JobTypeName {
    "export".parse().expect("a name")
}

fn new_task() -> NewTask {
    NewTask {
        id: TaskId::at(now()),
        owner: Owner::local(),
        job_type: job_type(),
        payload: r#"{"table":"orders","format":"csv","city":"Delhi","month":"2026-03"}"#.into(),
        idempotency_key: None,
        priority: 0,
        created_at: now(),
        run_at: None,
        is_delayed: false,
        deadline_at: None,
        ttl_ms: 86_400_000,
        callback: None,
    }
}

fn claim_request(limit: u32) -> ClaimRequest {
    ClaimRequest {
        worker: WorkerId::new("bench-worker"),
        now: now(),
        lease_until: Timestamp::from_ms(now().ms() + 30_000),
        limit,
        kept: KeptSlots::default(),
        job_types: vec![JobTypeClaim {
            name: job_type(),
            component: ComponentSha::new("0".repeat(64)),
            concurrency: Some(1_000),
            rate: None,
            has_breaker: false,
        }],
    }
}

/// Submits `tasks` tasks from `callers` callers, each of which waits for its answer before it submits again.
async fn submit(store: &Arc<SqliteStore>, tasks: usize, callers: usize) -> (Duration, Vec<TaskId>) {
    let began = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let store = Arc::clone(store);
            let mine = tasks / callers + usize::from(caller < tasks % callers);
            tokio::spawn(async move {
                let mut ids = Vec::with_capacity(mine);
                for _ in 0..mine {
                    ids.push(store.submit(new_task()).await.expect("it is taken").task.id);
                }
                ids
            })
        })
        .collect();
    let mut ids = Vec::with_capacity(tasks);
    for caller in callers {
        ids.extend(caller.await.expect("it ends"));
    }
    (began.elapsed(), ids)
}

/// Claims and finishes all that is queued, `batch` at a claim, from `workers` workers.
async fn drain(store: &Arc<SqliteStore>, workers: usize, batch: u32) -> Duration {
    let began = Instant::now();
    let workers: Vec<_> = (0..workers)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                loop {
                    let claimed = store.claim(claim_request(batch)).await.expect("it claims");
                    if claimed.is_empty() {
                        return;
                    }
                    let finishing: Vec<_> = claimed
                        .into_iter()
                        .map(|claimed| {
                            let store = Arc::clone(&store);
                            tokio::spawn(async move {
                                let finish = Finish {
                                    attempt: claimed.attempt,
                                    at: now(),
                                    outcome: Outcome::Completed {
                                        result: r#"{"records_processed":1}"#.into(),
                                    },
                                    next: Next::End,
                                    usage: Usage { fuel: 1_000, memory_bytes: 65_536 },
                                    progress: Progress::default(),
                                    artifacts: Vec::new(),
                                    messages: Vec::new(),
                                    recovery: None,
                                };
                                store.finish(finish).await.expect("it finishes");
                            })
                        })
                        .collect();
                    for finishing in finishing {
                        finishing.await.expect("it ends");
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("it ends");
    }
    began.elapsed()
}

async fn get_all(store: &Arc<SqliteStore>, ids: &[TaskId], callers: usize) -> Duration {
    let began = Instant::now();
    let callers: Vec<_> = ids
        .chunks(ids.len().div_ceil(callers))
        .map(|ids| {
            let (store, ids) = (Arc::clone(store), ids.to_vec());
            tokio::spawn(async move {
                for id in ids {
                    assert!(store.get(None, id).await.expect("it reads").is_some());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("it ends");
    }
    began.elapsed()
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1_024.0
}

/// The median time of a small write and its `fdatasync`.
fn fdatasync(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("fdatasync")).expect("a file can be made");
    let times = (0..50).map(|_| {
        file.write_all(&[0; 4_096]).expect("it writes");
        let began = Instant::now();
        file.sync_data().expect("it syncs");
        began.elapsed()
    });
    median(times.collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn us(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

fn rate(tasks: usize, time: Duration) -> f64 {
    (tasks as f64 / time.as_secs_f64()).round()
}

#[allow(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{}", runtime.block_on(measure(&arguments())));
}

async fn measure(arguments: &Arguments) -> serde_json::Value {
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder can be made");
    let options = StoreOptions { synchronous: arguments.synchronous, ..StoreOptions::default() };
    let filled_path = folder.path().join("filled.db");
    let began = Instant::now();
    fill_history(&filled_path, arguments.history).expect("a history can be made");
    let filled_in = began.elapsed();
    let resident_before = resident_mib();
    let open = |path: &Path| SqliteStore::open(path, options).expect("the store opens");
    let empty = open(&folder.path().join("empty.db"));
    let filled = open(&filled_path);

    let Arguments { tasks, callers, .. } = *arguments;
    // [without, with] history.
    let mut costs: [Vec<Duration>; 2] = Default::default();
    let mut submits: [Vec<Duration>; 2] = Default::default();
    let mut gets: [Vec<Duration>; 2] = Default::default();
    for round in 0..arguments.rounds {
        // Which one is first changes, so that neither always finds the machine as the other left it.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for index in order {
            let store = [&empty, &filled][index];
            let (submitted, ids) = submit(store, tasks, callers).await;
            submits[index].push(submitted);
            costs[index].push(drain(store, 4, 16).await);
            gets[index].push(get_all(store, &ids, callers).await);
        }
    }
    let alone = alone(&filled).await;

    // Everything a task needs, with the CPU it takes.
    let many = tasks * 5;
    let began = Instant::now();
    let start = cpu();
    let (_, ids) = submit(&filled, many, callers).await;
    let submitted = cpu();
    drain(&filled, 4, 16).await;
    let drained = cpu();
    get_all(&filled, &ids, callers).await;
    let read = cpu();
    let whole = began.elapsed();
    let each = |from: Duration, to: Duration| us(to.saturating_sub(from) / many as u32);

    // Each round is compared with itself: a noisy neighbour is noisy for both halves of it.
    let mut ratios: Vec<f64> = costs[0]
        .iter()
        .zip(&costs[1])
        .map(|(without, with)| with.as_secs_f64() / without.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let [without, with] = costs.map(median);
    let [submit_without, submit_with] = submits.map(median);
    let [get_without, get_with] = gets.map(median);
    json!({
        "ratio": (ratio * 1e3).round() / 1e3,
        "history": arguments.history,
        "claim_finish_per_s": { "without": rate(tasks, without), "with": rate(tasks, with) },
        "submit_per_s": { "without": rate(tasks, submit_without), "with": rate(tasks, submit_with) },
        "get_per_s": { "without": rate(tasks, get_without), "with": rate(tasks, get_with) },
        "submit_claim_finish_get_per_s": rate(many, whole),
        "cpu_us": {
            "submit": each(start, submitted), "claim_finish": each(submitted, drained), "get": each(drained, read),
        },
        "alone_us": alone,
        "fdatasync_us": us(fdatasync(folder.path())),
        "fill_s": filled_in.as_secs_f64(),
        "resident_mib": { "before": resident_before.round(), "after": resident_mib().round() },
        "synchronous": format!("{:?}", arguments.synchronous).to_lowercase(),
        "callers": callers,
    })
}

/// Latencies of a caller that is alone.
async fn alone(store: &Arc<SqliteStore>) -> serde_json::Value {
    let mut times = Vec::new();
    let mut reads = Vec::new();
    for _ in 0..300 {
        let began = Instant::now();
        let id = store.submit(new_task()).await.expect("it is taken").task.id;
        times.push(began.elapsed());
        let began = Instant::now();
        store.get(None, id).await.expect("it reads");
        reads.push(began.elapsed());
    }
    drain(store, 1, 16).await;
    times.sort_unstable();
    json!({ "submit_p50": us(median(times.clone())), "submit_p99": us(times[297]), "get_p50": us(median(reads)) })
}
