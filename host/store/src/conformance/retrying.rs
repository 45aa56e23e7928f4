//! Cases of further attempts.

use longshore_domain::{Code, NewTask, Next, Outcome, RetryAnswer, TaskState};

use super::Open;
use super::kit::{Kit, at, completed, end, failure, new_task, save};

/// A task that failed may wait for its next attempt, and tells why.
pub async fn a_retry_waits_for_its_time(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let state = kit.finish(end(first, at(5), failure(Code::JobRetry), Next::RetryAt(at(100)))).await;
    assert_eq!(state, TaskState::Scheduled);
    let task = kit.get(first.task).await;
    assert_eq!((task.state, task.due_at, task.attempts), (TaskState::Scheduled, Some(at(100)), 1));
    let why = task.failure.unwrap();
    assert_eq!((why.code, why.message.as_str()), (Code::JobRetry, "it went wrong"));
    assert!(kit.claim(at(99), 10).await.is_empty());
    assert_eq!(kit.store.promote_due(at(99), 10).await.unwrap(), 0);
    assert_eq!(kit.store.promote_due(at(100), 10).await.unwrap(), 1);
    let second = kit.claim_one(at(101)).await;
    assert_eq!((second.attempt.number, second.attempts_counted), (2, 2));
    assert_eq!(second.first_started_at, at(1));
    assert_eq!(kit.get(first.task).await.failure, None);
}

/// A retry whose time has come is queued at once.
pub async fn a_retry_at_once_is_queued(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let state = kit.finish(end(first, at(5), failure(Code::JobRetry), Next::RetryAt(at(5)))).await;
    assert_eq!(state, TaskState::Queued);
    assert_eq!(kit.claim_one(at(6)).await.attempt.number, 2);
}

/// A released attempt has a number, which is not used again, but does not count; it keeps its place in the queue.
pub async fn a_released_attempt_does_not_count(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    kit.submit(new_task()).await;
    let state = kit.finish(end(first, at(5), Outcome::Cancelled, Next::Release)).await;
    assert_eq!(state, TaskState::Queued);
    assert_eq!(kit.get(first.task).await.started_at, Some(at(1)), "it began then, whatever counts");
    let second = kit.claim(at(6), 1).await.remove(0);
    assert_eq!((second.attempt.task, second.attempt.number), (first.task, 2));
    assert_eq!((second.attempts_counted, second.first_started_at), (1, at(6)));
    kit.finish(end(second.attempt, at(7), failure(Code::JobRetry), Next::RetryAt(at(7)))).await;
    let third = kit.claim(at(8), 1).await.remove(0);
    assert_eq!((third.attempt.number, third.attempts_counted), (3, 2));
    kit.finish(end(third.attempt, at(9), Outcome::Cancelled, Next::Release)).await;
    let fourth = kit.claim(at(10), 1).await.remove(0);
    assert_eq!((fourth.attempt.number, fourth.attempts_counted, fourth.first_started_at), (4, 2, at(6)));
}

/// A failed task can be run again: from its last save, with its attempts numbered on but counted anew.
pub async fn a_retry_on_request_counts_anew(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    kit.save(first, save(at(2), b"half")).await;
    kit.fail(first, at(3)).await;
    kit.retry(first.task, at(50)).await;
    let task = kit.get(first.task).await;
    assert_eq!((task.state, task.attempts, task.updated_at), (TaskState::Queued, 1, at(50)));
    assert_eq!((task.failure, task.finished_at, task.started_at), (None, None, Some(at(1))));
    let second = kit.claim_one(at(60)).await;
    assert_eq!((second.attempt.number, second.attempts_counted), (2, 1));
    assert_eq!(second.first_started_at, at(60));
    assert_eq!(second.checkpoint.unwrap().state, b"half");
    kit.finish(end(second.attempt, at(70), Outcome::Cancelled, Next::End)).await;
    kit.retry(first.task, at(80)).await;
    let third = kit.claim_one(at(90)).await.attempt;
    kit.finish(end(third, at(91), completed(), Next::End)).await;
    assert_eq!(kit.store.attempts(first.task).await.unwrap().len(), 3);
}

/// Live and completed tasks cannot be run again.
pub async fn only_failed_and_cancelled_tasks_run_again(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(NewTask { run_at: Some(at(10)), ..new_task() }).await;
    let refused = async |state| {
        let answer = kit.store.retry(None, id, at(20)).await.unwrap();
        assert_eq!(answer, RetryAnswer::NotRetryable(state));
    };
    refused(TaskState::Scheduled).await;
    kit.store.promote_due(at(10), 1).await.unwrap();
    refused(TaskState::Queued).await;
    let attempt = kit.claim_one(at(11)).await.attempt;
    refused(TaskState::Running).await;
    kit.finish(end(attempt, at(12), completed(), Next::End)).await;
    refused(TaskState::Completed).await;
    assert!(kit.get(id).await.result.is_some());
}

/// A deadline that is over would end a task again before it could run; asking to run it drops the deadline.
pub async fn a_deadline_that_is_over_does_not_stop_a_retry(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(NewTask { deadline_at: Some(at(10)), ..new_task() }).await;
    assert_eq!(kit.store.fail_overdue(at(10), 5).await.unwrap(), [id]);
    kit.retry(id, at(20)).await;
    assert!(kit.store.fail_overdue(at(21), 5).await.unwrap().is_empty());
    assert_eq!(kit.claim_one(at(22)).await.deadline_at, None);

    let other = kit.submit(NewTask { deadline_at: Some(at(1_000)), ..new_task() }).await;
    let attempt = kit.claim_one(at(23)).await.attempt;
    kit.fail(attempt, at(24)).await;
    kit.retry(other, at(25)).await;
    assert_eq!(kit.claim_one(at(26)).await.deadline_at, Some(at(1_000)));
}
