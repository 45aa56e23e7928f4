//! Cases of claims.

use std::collections::BTreeSet;

use longshore_domain::{
    BreakerPolicy, ClaimRequest, Gate, JobTypeClaim, KeptSlots, NewTask, Next, RateLimit, STEP_MS, TaskState,
    WorkerId,
};

use super::Open;
use super::kit::{Kit, LEASE_MS, at, completed, end, name, new_task, of_type, request, serve};

/// Higher priority first, then the order of submission.
pub async fn higher_priority_comes_first_and_then_age(open: Open) {
    let kit = Kit::new(&open);
    let mut ids = Vec::new();
    for priority in [0, 5, 0, i32::MAX, -1, 5, i32::MIN] {
        ids.push(kit.submit(NewTask { priority, ..new_task() }).await);
    }
    let expected: Vec<_> = [3, 1, 5, 0, 2, 4, 6].map(|index: usize| ids[index]).into();
    let mut claimed = kit.claim(at(1), 3).await;
    claimed.extend(kit.claim(at(1), 100).await);
    let order: Vec<_> = claimed.iter().map(|claimed| claimed.attempt.task).collect();
    assert_eq!(order, expected);
}

/// A low priority costs a minute a step, not more: what waits gains on what comes later.
pub async fn age_makes_up_for_priority(open: Open) {
    let kit = Kit::new(&open);
    let submit = async |priority, minute: i64| {
        let created_at = at(minute * STEP_MS);
        kit.submit(NewTask { priority, created_at, ..new_task() }).await
    };
    let low = submit(-5, 0).await;
    let four_minutes_later = submit(0, 4).await;
    let six_minutes_later = submit(0, 6).await;
    let due = NewTask { run_at: Some(at(20 * STEP_MS)), priority: 100, ..new_task() };
    let delayed = kit.submit(due).await;
    assert_eq!(kit.store.promote_due(at(20 * STEP_MS), 10).await.unwrap(), 1);
    let claimed = kit.claim(at(20 * STEP_MS), 10).await;
    let order: Vec<_> = claimed.iter().map(|claimed| claimed.attempt.task).collect();
    assert_eq!(order, [delayed, four_minutes_later, low, six_minutes_later]);
}

/// The limit is shared: one task of each job type in turn, in the order given.
pub async fn job_types_share_the_limit_in_turn(open: Open) {
    let kit = Kit::new(&open);
    for (job_type, count) in [("a", 10), ("b", 1), ("c", 10)] {
        for _ in 0..count {
            kit.submit(of_type(job_type)).await;
        }
    }
    let claim = async |limit, order: &[&str]| {
        let job_types = order.iter().map(|name| serve(name, None)).collect();
        let claimed = kit.store.claim(request(at(1), limit, job_types)).await.unwrap();
        claimed.iter().map(|claimed| claimed.job_type.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(claim(1, &["c", "a", "b"]).await, ["c"]);
    assert_eq!(claim(5, &["a", "b", "c"]).await, ["a", "b", "c", "a", "c"]);
    assert_eq!(claim(7, &["c", "b", "a"]).await, ["c", "a", "c", "a", "c", "a", "c"]);
    assert_eq!(claim(100, &["b", "a", "c"]).await, ["a", "c", "a", "c", "a", "c", "a", "a", "a"][..8]);
    assert!(claim(100, &["b", "a", "c"]).await.is_empty());
}

/// Types of which nothing runs come first, one task each; the others leave them a slot each, as far as slots are kept.
pub async fn slots_are_kept_for_types_that_run_nothing(open: Open) {
    let kit = Kit::new(&open);
    for (job_type, count) in [("slow", 30), ("b", 2), ("limited", 2)] {
        for _ in 0..count {
            kit.submit(of_type(job_type)).await;
        }
    }
    let claim = async |limit, slots, running: &[&str]| {
        let job_types =
            vec![serve("slow", None), serve("b", None), serve("c", None), serve("limited", Some(1))];
        let running = running.iter().map(|running| name(running)).collect();
        let asked = ClaimRequest { kept: KeptSlots { slots, running }, ..request(at(1), limit, job_types) };
        let claimed = kit.store.claim(asked).await.unwrap();
        claimed.iter().map(|claimed| claimed.job_type.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(claim(1, 1, &["slow"]).await, ["b"], "its first before another of those that run");
    assert_eq!(claim(3, 1, &["slow", "b"]).await, ["slow", "limited"], "one is left to c");
    assert!(claim(1, 1, &["slow", "b", "limited"]).await.is_empty(), "the last one is for c");
    assert_eq!(claim(1, 0, &["slow", "b", "limited"]).await, ["slow"], "where none is kept it is for all");
    kit.submit(of_type("c")).await;
    let limited_too = claim(5, 2, &["slow"]).await;
    assert_eq!(limited_too, ["slow", "b", "c", "slow"], "the one that is at its limit is left a slot");
}

/// A task whose job type nobody serves waits, and holds nobody up.
pub async fn a_job_type_that_is_not_asked_for_waits(open: Open) {
    let kit = Kit::new(&open);
    let missing = kit.submit(NewTask { priority: 100, ..of_type("missing") }).await;
    let served = kit.submit(new_task()).await;
    assert_eq!(kit.claim_one(at(1)).await.attempt.task, served);
    assert!(kit.store.claim(request(at(1), 5, Vec::new())).await.unwrap().is_empty());
    assert_eq!(kit.state(missing).await, TaskState::Queued);
}

/// The concurrency of a job type holds over all workers.
pub async fn concurrency_counts_all_workers(open: Open) {
    let kit = Kit::new(&open);
    for _ in 0..10 {
        kit.submit(new_task()).await;
        kit.submit(of_type("other")).await;
    }
    let claim = async |worker: &'static str, limit| {
        let job_types = vec![serve("export", Some(3)), serve("other", None)];
        let request = ClaimRequest { worker: WorkerId::new(worker), ..request(at(1), limit, job_types) };
        kit.store.claim(request).await.unwrap()
    };
    let of_export = |claimed: &[longshore_domain::Claimed]| {
        claimed.iter().filter(|claimed| claimed.job_type.as_str() == "export").count()
    };
    let first = claim("one", 4).await;
    assert_eq!((first.len(), of_export(&first)), (4, 2));
    let second = claim("two", 4).await;
    assert_eq!((second.len(), of_export(&second)), (4, 1));
    assert_eq!(of_export(&claim("three", 2).await), 0);
    kit.finish(end(first[0].attempt, at(2), completed(), Next::End)).await;
    assert_eq!(of_export(&claim("three", 10).await), 1);
}

/// A task past its deadline is not begun; it waits to be failed.
pub async fn an_overdue_task_is_not_claimed(open: Open) {
    let kit = Kit::new(&open);
    let overdue = kit.submit(NewTask { deadline_at: Some(at(10)), ..new_task() }).await;
    let later = kit.submit(NewTask { deadline_at: Some(at(11)), ..new_task() }).await;
    assert_eq!(kit.claim_one(at(10)).await.attempt.task, later);
    assert_eq!(kit.state(overdue).await, TaskState::Queued);
}

/// A claim carries all that a worker needs, and the task shows that it runs.
pub async fn a_claim_tells_what_a_worker_needs(open: Open) {
    let kit = Kit::new(&open);
    let new = NewTask { deadline_at: Some(at(9_000)), ..new_task() };
    kit.submit(new.clone()).await;
    let claimed = kit.claim_one(at(7)).await;
    assert_eq!((claimed.attempt.task, claimed.attempt.number), (new.id, 1));
    assert_eq!(claimed.attempts_counted, 1);
    assert_eq!(
        (&claimed.owner, &claimed.job_type, &claimed.payload),
        (&new.owner, &new.job_type, &new.payload)
    );
    assert_eq!((claimed.created_at, claimed.first_started_at), (at(0), at(7)));
    assert_eq!((claimed.deadline_at, claimed.checkpoint), (Some(at(9_000)), None));
    let task = kit.get(new.id).await;
    assert_eq!((task.state, task.attempts), (TaskState::Running, 1));
    assert_eq!((task.started_at, task.updated_at), (Some(at(7)), at(7)));
    assert_eq!(task.deadline_at, Some(at(9_000)));
    let attempts = kit.store.attempts(new.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].number, attempts[0].started_at, attempts[0].ended_at), (1, at(7), None));
    assert_eq!(attempts[0].worker.as_str(), "worker-1");
    assert_eq!(attempts[0].component.as_str(), "sha-of-export");
    assert_eq!(attempts[0].outcome, None);
}

/// What is claimed is gone from the queue.
pub async fn nothing_is_claimed_twice(open: Open) {
    let kit = Kit::new(&open);
    let mut expected = BTreeSet::new();
    for _ in 0..50 {
        expected.insert(kit.submit(new_task()).await);
    }
    let mut claimed = BTreeSet::new();
    for limit in [1, 7, 20, 100] {
        for task in kit.claim(at(1), limit).await {
            assert!(claimed.insert(task.attempt.task), "claimed twice");
        }
    }
    assert_eq!(claimed, expected);
    // Not even when the lease is over: that takes a decision on the attempt.
    assert!(kit.claim(at(1 + LEASE_MS * 2), 100).await.is_empty());
}

/// A rate limit counts the starts of all workers, lets a burst start at once, and tells when the next may.
pub async fn a_rate_limit_counts_all_workers(open: Open) {
    let (one, other) = (Kit::new(&open), Kit::new(&open));
    for _ in 0..6 {
        one.submit(new_task()).await;
    }
    let slow = JobTypeClaim { rate: RateLimit::new(10.0, 2), ..serve("export", None) };
    let claim = async |kit: &Kit, now: i64| {
        let asked = request(at(now), 10, vec![slow.clone()]);
        kit.store.claim(asked).await.unwrap().len()
    };
    let next = async || one.store.next_start(vec![slow.clone()], at(0)).await.unwrap();
    assert_eq!(next().await, Some(at(0)));
    assert_eq!(claim(&one, 0).await, 2);
    assert_eq!(claim(&other, 0).await, 0);
    assert_eq!(next().await, Some(at(100)));
    assert_eq!(claim(&other, 99).await, 0);
    assert_eq!(claim(&other, 100).await, 1);
    assert_eq!(claim(&one, 60_000).await, 2, "a pause saves no more than the burst");
    assert_eq!(claim(&one, 60_100).await, 1);
    assert_eq!(next().await, None, "nothing waits");
}

/// A circuit breaker holds for all workers: nothing is claimed while it is open, one task at a time when it is tried.
pub async fn a_circuit_breaker_holds_for_all_workers(open: Open) {
    let (one, other) = (Kit::new(&open), Kit::new(&open));
    for _ in 0..5 {
        one.submit(new_task()).await;
    }
    let guarded = JobTypeClaim { has_breaker: true, ..serve("export", None) };
    let claim = async |kit: &Kit, now: i64| {
        let asked = request(at(now), 2, vec![guarded.clone()]);
        kit.store.claim(asked).await.unwrap()
    };
    assert_eq!(claim(&one, 0).await.len(), 2);
    let policy = BreakerPolicy { min_attempts: 2, open_ms: 100, ..BreakerPolicy::default() };
    let note = async |failed, now| {
        one.store.note_outcome(&guarded.name, &policy, failed, at(now)).await.unwrap();
    };
    note(true, 1).await;
    note(true, 2).await;
    assert_eq!(other.store.breaker(&guarded.name).await.unwrap().gate(at(2)), Gate::Open(at(102)));
    assert!(claim(&other, 101).await.is_empty());
    let ignored = request(at(101), 1, vec![serve("export", None)]);
    assert_eq!(other.store.claim(ignored).await.unwrap().len(), 1, "without a breaker nothing holds it");
    assert!(claim(&other, 102).await.is_empty(), "three still run");
    note(false, 103).await;
    assert_eq!(claim(&other, 103).await.len(), 2);
}
