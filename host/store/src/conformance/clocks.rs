//! Cases of a wall clock that is set back.

use longshore_domain::{
    BreakerPolicy, Code, Finish, FinishAnswer, Gate, NewTask, Next, Recovery, Renewal, TaskState, Timestamp,
};

use super::Open;
use super::kit::{Kit, LEASE_MS, at, completed, end, failure, name, new_task};

const HOUR: i64 = 60 * 60 * 1_000;

/// What began an hour ahead and ends now ended when it began.
pub async fn an_attempt_ends_no_earlier_than_it_began(open: Open) {
    let kit = Kit::new(&open);
    kit.submit(new_task()).await;
    let attempt = kit.claim_one(at(HOUR)).await.attempt;
    kit.finish(end(attempt, at(5), completed(), Next::End)).await;
    let task = kit.get(attempt.task).await;
    assert_eq!((task.started_at, task.finished_at), (Some(at(HOUR)), Some(at(HOUR))));
    let record = kit.store.attempts(attempt.task).await.unwrap().remove(0);
    assert_eq!((record.started_at, record.ended_at), (at(HOUR), Some(at(HOUR))));

    kit.submit(new_task()).await;
    let attempt = kit.claim_one(at(HOUR)).await.attempt;
    kit.finish(end(attempt, at(HOUR), failure(Code::JobRetry), Next::RetryAt(at(HOUR + 9)))).await;
    kit.store.cancel(None, attempt.task, at(7)).await.unwrap();
    let task = kit.get(attempt.task).await;
    assert_eq!((task.state, task.finished_at), (TaskState::Cancelled, Some(at(HOUR))));
}

/// What was submitted an hour ahead and is claimed now began when it was submitted.
pub async fn a_task_begins_no_earlier_than_it_was_submitted(open: Open) {
    let kit = Kit::new(&open);
    kit.submit(NewTask { created_at: at(HOUR), ..new_task() }).await;
    let claimed = kit.claim_one(at(5)).await;
    assert_eq!(claimed.first_started_at, at(HOUR));
    assert_eq!(kit.get(claimed.attempt.task).await.started_at, Some(at(HOUR)));
    assert!(kit.store.expired(at(6), 10).await.unwrap().is_empty(), "its lease is that of now");
}

/// A dead worker's lease that would last for an hour is over; that of a worker which renews it is not.
pub async fn a_lease_of_a_clock_that_was_ahead_is_over(open: Open) {
    let kit = Kit::new(&open);
    kit.submit(new_task()).await;
    let attempt = kit.claim_one(at(HOUR)).await.attempt;
    let found = async |now| kit.store.expired(now, 10).await.unwrap().len();
    assert_eq!((found(at(HOUR)).await, found(at(HOUR - 59_000)).await), (0, 0), "a small step is none");
    assert_eq!(found(at(5)).await, 1);
    let lost = |now: Timestamp, lease| Finish {
        recovery: Some(Recovery::LeaseExpired(lease)),
        ..end(attempt, now, failure(Code::WorkerLost), Next::RetryAt(now))
    };
    let renewal = Renewal { attempt, progress: Some(longshore_domain::Progress::default()) };
    kit.store.renew(vec![renewal], at(6), at(1_006)).await.unwrap();
    assert_eq!(found(at(7)).await, 0);
    assert_eq!(kit.store.finish(lost(at(7), at(1_006))).await.unwrap(), FinishAnswer::Fenced);
    let renewal = Renewal { attempt, progress: Some(longshore_domain::Progress::default()) };
    kit.store.renew(vec![renewal], at(HOUR), at(HOUR + 1_000)).await.unwrap();
    assert_eq!(kit.finish(lost(at(8), at(HOUR + 1_000))).await, TaskState::Queued);
}

/// A sweeper that found a lease over and then stood still for long takes nothing from a worker that renewed it meanwhile,
/// though that worker's sign of life lies far ahead of the sweeper's time.
pub async fn a_sweeper_that_stood_still_ends_no_attempt_that_lives(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let [lease] = &*kit.store.expired(at(LEASE_MS + 1), 10).await.unwrap() else { panic!("it is over") };
    let renewal = Renewal { attempt, progress: Some(longshore_domain::Progress::default()) };
    kit.store.renew(vec![renewal], at(HOUR), at(HOUR + LEASE_MS)).await.unwrap();
    let late = Finish {
        recovery: Some(Recovery::LeaseExpired(lease.lease_until)),
        ..end(attempt, at(LEASE_MS + 1), failure(Code::WorkerLost), Next::End)
    };
    assert_eq!(kit.store.finish(late).await.unwrap(), FinishAnswer::Fenced);
    assert_eq!(kit.state(attempt.task).await, TaskState::Running);
}

/// A retry waits for as long as it was to, from now on. A task that is to run at a certain time does so.
pub async fn retries_of_a_clock_that_was_ahead_are_brought_forward(open: Open) {
    let kit = Kit::new(&open);
    kit.submit(new_task()).await;
    let attempt = kit.claim_one(at(HOUR)).await.attempt;
    let next = Next::RetryAt(at(HOUR + 2_000));
    kit.finish(end(attempt, at(HOUR), failure(Code::JobRetry), next)).await;
    let timed = kit.submit(NewTask { created_at: at(HOUR), run_at: Some(at(2 * HOUR)), ..new_task() }).await;

    assert_eq!(kit.store.bring_forward(at(HOUR)).await.unwrap(), 0, "the clock is right");
    assert_eq!(kit.store.bring_forward(at(5)).await.unwrap(), 1);
    assert_eq!(kit.store.bring_forward(at(6)).await.unwrap(), 0, "once");
    assert_eq!(kit.get(attempt.task).await.due_at, Some(at(2_005)));
    assert_eq!(kit.get(timed).await.due_at, Some(at(2 * HOUR)));
}

/// It does not stay open until an hour that was too early is reached again.
pub async fn a_circuit_breaker_of_a_clock_that_was_ahead_is_not_kept_open(open: Open) {
    let kit = Kit::new(&open);
    let policy = BreakerPolicy { min_attempts: 1, ..BreakerPolicy::default() };
    let open = kit.store.note_outcome(&name("export"), &policy, true, at(HOUR)).await.unwrap();
    assert!(matches!(open.gate(at(HOUR)), Gate::Open(_)));
    assert_eq!(kit.store.breaker(&name("export")).await.unwrap().gate(at(5)), Gate::HalfOpen);
}
