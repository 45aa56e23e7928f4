//! Cases of many callers at once, over two handles that stand for two processes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use longshore_domain::{ClaimRequest, NewTask, Next, TaskState, TaskStore, WorkerId};

use super::Open;
use super::kit::{Kit, at, completed, end, failure, new_task, request, serve, two};

/// Workers over two handles.
const WORKERS: usize = 8;

/// Tasks that they share.
const TASKS: usize = 200;

/// Runs until the worker finds nothing more, and gives the attempts that it had.
async fn work(store: Arc<dyn TaskStore>, worker: usize) -> Vec<(longshore_domain::TaskId, u32)> {
    let mut had = Vec::new();
    loop {
        let request = ClaimRequest {
            worker: WorkerId::new(format!("worker-{worker}")),
            ..request(at(1), 1 + worker as u32 % 4, vec![serve("export", None)])
        };
        let claimed = store.claim(request).await.unwrap();
        if claimed.is_empty() {
            return had;
        }
        for claimed in claimed {
            let attempt = claimed.attempt;
            had.push((attempt.task, attempt.number));
            // The first attempt of each task fails, the second succeeds.
            let finish = if attempt.number == 1 {
                end(attempt, at(2), failure(longshore_domain::Code::JobRetry), Next::RetryAt(at(2)))
            } else {
                end(attempt, at(2), completed(), Next::End)
            };
            store.finish(finish).await.unwrap();
        }
    }
}

/// Many workers over two handles claim, fail, claim again and finish; each attempt belongs to one of them.
pub async fn a_crowd_claims_each_task_once(open: Open) {
    let stores = two(&open);
    let mut submitting = Vec::new();
    for number in 0..TASKS {
        let store = Arc::clone(&stores[number % 2]);
        submitting.push(tokio::spawn(async move { store.submit(new_task()).await.unwrap().task.id }));
    }
    let mut expected = BTreeSet::new();
    for submission in submitting {
        let id = submission.await.unwrap();
        expected.extend([(id, 1), (id, 2)]);
    }
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| tokio::spawn(work(Arc::clone(&stores[worker % 2]), worker))).collect();
    let mut had = BTreeSet::new();
    for worker in workers {
        for attempt in worker.await.unwrap() {
            assert!(had.insert(attempt), "{attempt:?} was given to two workers");
        }
    }
    // A worker may find nothing while the last tasks are with the others.
    had.extend(work(Arc::clone(&stores[0]), 0).await);
    assert_eq!(had, expected);
    for (id, _) in expected {
        assert_eq!(stores[1].get(None, id).await.unwrap().unwrap().state, TaskState::Completed);
    }
}

/// One key that many submit at once becomes one task.
pub async fn a_crowd_submits_one_key_once(open: Open) {
    let stores = two(&open);
    let submissions: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&stores[number % 2]);
            let task = NewTask { idempotency_key: Some("key".into()), ..new_task() };
            tokio::spawn(async move { store.submit(task).await.unwrap() })
        })
        .collect();
    let mut ids = BTreeSet::new();
    let mut new = 0;
    for submission in submissions {
        let submitted = submission.await.unwrap();
        ids.insert(submitted.task.id);
        new += u32::from(!submitted.deduplicated);
    }
    assert_eq!((ids.len(), new), (1, 1));
}

/// The concurrency of a job type holds however many claim at once.
pub async fn concurrency_holds_in_a_crowd(open: Open) {
    const CONCURRENCY: u32 = 3;
    let stores = two(&open);
    for _ in 0..60 {
        stores[0].submit(new_task()).await.unwrap();
    }
    let running = Arc::new(AtomicU32::new(0));
    let done = Arc::new(AtomicU32::new(0));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (store, running, done) =
                (Arc::clone(&stores[worker % 2]), Arc::clone(&running), Arc::clone(&done));
            tokio::spawn(async move {
                while done.load(Ordering::SeqCst) < 60 {
                    let request = request(at(1), 2, vec![serve("export", Some(CONCURRENCY))]);
                    for claimed in store.claim(request).await.unwrap() {
                        assert!(running.fetch_add(1, Ordering::SeqCst) < CONCURRENCY);
                        tokio::task::yield_now().await;
                        running.fetch_sub(1, Ordering::SeqCst);
                        store.finish(end(claimed.attempt, at(2), completed(), Next::End)).await.unwrap();
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

/// A write that was taken is done even when whoever asked for it has gone.
pub async fn a_dropped_caller_loses_nothing(open: Open) {
    let kit = Kit::new(&open);
    let mut asked = Vec::new();
    for _ in 0..20 {
        let task = new_task();
        asked.push(task.id);
        let mut submission = kit.store.submit(task);
        // Polled once, which hands the write over, and dropped.
        std::future::poll_fn(|context| {
            let _ = submission.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    }
    // Writes are done in the order in which they were asked for.
    kit.submit(new_task()).await;
    for id in asked {
        assert_eq!(kit.state(id).await, TaskState::Queued);
    }
}
