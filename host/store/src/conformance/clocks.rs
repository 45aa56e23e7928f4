//! Cases of a wall clock that is set back.

use longshore_domain::{
    BreakerPolicy, Code, Finish, FinishAnswer, Gate, Lived, NewTask, Next, Recovery, Renewal, TaskState,
    Timestamp,
};

use super::Open;
use super::kit::{Kit, LEASE_MS, at, completed, end, failure, message, name, new_task, request, serve};
use super::messages::{claim, claimed};

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

/// A delay is as long as it was to be, and a place in the queue is that of the time at which the clock is right again.
pub async fn what_a_clock_delayed_that_was_ahead_is_brought_forward(open: Open) {
    let kit = Kit::new(&open);
    let year = 365 * 24 * HOUR;
    let late = |run_at: i64, is_delayed| NewTask {
        created_at: at(year),
        run_at: Some(at(year + run_at)),
        is_delayed,
        ..new_task()
    };
    let delayed = kit.submit(late(5_000, true)).await;
    let at_a_time = kit.submit(late(6_000, false)).await;
    let queued = kit.submit(NewTask { created_at: at(year), ..new_task() }).await;
    assert_eq!(kit.store.bring_forward(at(year)).await.unwrap(), 0, "the clock is right");
    assert_eq!(kit.store.bring_forward(at(10)).await.unwrap(), 2);
    assert_eq!(kit.store.next_due().await.unwrap(), Some(at(5_010)));
    // What comes a good while later no longer overtakes it.
    let later = kit.submit(NewTask { created_at: at(2 * HOUR), ..new_task() }).await;
    assert_eq!(kit.store.promote_due(at(2 * HOUR), 10).await.unwrap(), 1);
    for expected in [delayed, queued, later] {
        let one = request(at(2 * HOUR), 1, vec![serve("export", None)]);
        assert_eq!(kit.store.claim(one).await.unwrap()[0].attempt.task, expected);
    }
    assert_eq!(kit.state(at_a_time).await, TaskState::Scheduled, "it was to run at that time");
}

/// A message that was to be tried again in a minute of a clock that was ahead is tried in a minute.
pub async fn messages_of_a_clock_that_was_ahead_are_brought_forward(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let mut finish = end(attempt, at(1), completed(), Next::End);
    finish.messages = vec![message("a")];
    kit.finish(finish).await;
    let id = claimed(&kit, claim(HOUR, HOUR + 9_000, 1)).await[0].id;
    kit.store.message_failed(id, 1, "refused".into(), Some(at(HOUR + 60_000))).await.unwrap();
    assert_eq!(kit.store.bring_forward(at(10)).await.unwrap(), 1);
    assert!(claimed(&kit, claim(60_009, 70_000, 1)).await.is_empty());
    assert_eq!(claimed(&kit, claim(60_010, 70_000, 1)).await.len(), 1);
}

/// Starting two days ahead deleted all finished tasks. A clock that is set back again undoes what it did.
pub async fn a_task_is_kept_for_the_time_that_is_lived_through(open: Open) {
    let kit = Kit::new(&open);
    let lived = async |ms: i64| kit.store.lived(at(ms)).await.unwrap();
    assert_eq!(lived(0).await, Lived { at: at(0), step_ms: 0 });
    kit.submit(NewTask { ttl_ms: HOUR as u64, ..new_task() }).await;
    let attempt = kit.claim_one(at(1)).await.attempt;
    kit.finish(end(attempt, at(1), completed(), Next::End)).await;
    let days = 48 * HOUR;
    assert_eq!(lived(days).await, Lived { at: at(0), step_ms: days });
    assert_eq!(kit.store.prune(lived(days).await.at, 10).await.unwrap(), 0);
    // What ends now is kept for its time, too.
    kit.submit(NewTask { ttl_ms: HOUR as u64, created_at: at(days), ..new_task() }).await;
    let attempt = kit.claim_one(at(days)).await.attempt;
    kit.finish(end(attempt, at(days), completed(), Next::End)).await;
    for minute in 1..=59 {
        assert_eq!(lived(days + minute * 60_000).await.step_ms, 0);
    }
    assert_eq!(kit.store.prune(lived(days + HOUR - 1).await.at, 10).await.unwrap(), 0);
    assert_eq!(kit.store.prune(lived(days + HOUR + 1).await.at, 10).await.unwrap(), 2);
    assert_eq!(lived(HOUR + 2).await, Lived { at: at(HOUR + 1), step_ms: 1 - days });
}
