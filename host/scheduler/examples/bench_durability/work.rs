//! Callers and workers of a store.

use std::sync::Arc;

use longshore_domain::{
    ClaimRequest, Claimed, ComponentSha, Finish, JobTypeClaim, JobTypeName, KeptSlots, NewTask, Next,
    Outcome, Owner, Progress, TaskId, TaskStore, Timestamp, Usage, WorkerId,
};
use longshore_store::SqliteStore;

/// The time at the start: the history is not to be forgotten yet.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_ms(1_762_000_000_000);
/// How long short leases last, and how soon soon is.
pub(crate) const SOON_MS: i64 = 10;

/// Workers that claim, and how many tasks each takes at once.
const WORKERS: usize = 4;
const BATCH: u32 = 16;

pub(crate) fn job_type() -> JobTypeName {
    "export".parse().expect("a name")
}

pub(crate) fn component() -> ComponentSha {
    ComponentSha::new("0".repeat(64))
}

fn soon(now: Timestamp) -> Timestamp {
    Timestamp::from_ms(now.ms() + SOON_MS)
}

fn new_task(now: Timestamp, run_at: Option<Timestamp>) -> NewTask {
    NewTask {
        id: TaskId::at(now),
        owner: Owner::local(),
        job_type: job_type(),
        payload: r#"{"table":"orders","format":"csv","city":"Delhi","month":"2026-03"}"#.into(),
        idempotency_key: None,
        priority: 0,
        created_at: now,
        run_at,
        is_delayed: false,
        deadline_at: None,
        ttl_ms: 1,
        callback: None,
    }
}

/// Submits `tasks` tasks from `callers` callers, each of which waits for its answer before it submits again.
pub(crate) async fn submit(store: &Arc<SqliteStore>, tasks: usize, callers: usize, now: Timestamp) {
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let store = Arc::clone(store);
            let mine = tasks / callers + usize::from(caller < tasks % callers);
            tokio::spawn(async move {
                for _ in 0..mine {
                    store.submit(new_task(now, None)).await.expect("it is taken");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("it ends");
    }
}

/// Submits tasks that are due soon.
pub(crate) async fn submit_for_later(store: &SqliteStore, tasks: usize, now: Timestamp) {
    for _ in 0..tasks {
        store.submit(new_task(now, Some(soon(now)))).await.expect("it is taken");
    }
}

/// Claims `tasks` tasks under a lease that runs out soon, as a process does that is then killed.
pub(crate) async fn claim_and_leave(store: &SqliteStore, now: Timestamp, tasks: usize) {
    let claimed = claim(store, now, soon(now), tasks as u32).await;
    assert_eq!(claimed.len(), tasks, "all are claimed");
}

/// Claims and ends all that is queued.
pub(crate) async fn claim_and_end(store: &Arc<SqliteStore>, now: Timestamp) {
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                loop {
                    let claimed = claim(&store, now, soon(now), BATCH).await;
                    if claimed.is_empty() {
                        return;
                    }
                    // A worker's attempts end each by itself.
                    let ends: Vec<_> = claimed
                        .into_iter()
                        .map(|claimed| {
                            let store = Arc::clone(&store);
                            tokio::spawn(async move {
                                store.finish(completed(&claimed, now)).await.expect("it ends");
                            })
                        })
                        .collect();
                    for end in ends {
                        end.await.expect("it ends");
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("it ends");
    }
}

async fn claim(store: &SqliteStore, now: Timestamp, lease_until: Timestamp, limit: u32) -> Vec<Claimed> {
    let request = ClaimRequest {
        worker: WorkerId::new("bench-worker"),
        now,
        lease_until,
        limit,
        kept: KeptSlots::default(),
        job_types: vec![JobTypeClaim {
            name: job_type(),
            component: component(),
            concurrency: Some(1_000),
            rate: None,
            has_breaker: false,
        }],
    };
    store.claim(request).await.expect("it claims")
}

fn completed(claimed: &Claimed, now: Timestamp) -> Finish {
    Finish {
        attempt: claimed.attempt,
        at: now,
        outcome: Outcome::Completed { result: r#"{"records_processed":1}"#.into() },
        next: Next::End,
        usage: Usage { fuel: 1_000, memory_bytes: 65_536 },
        progress: Progress::default(),
        artifacts: Vec::new(),
        messages: Vec::new(),
        recovery: None,
    }
}
