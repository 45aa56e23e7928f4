//! Cases of cancels.

use longshore_domain::{CancelAnswer, Code, NewTask, Next, Outcome, Owner, RetryAnswer, TaskState, WorkerId};

use super::Open;
use super::kit::{Kit, at, completed, end, failure, new_task, save};

/// Queued and scheduled tasks end at once.
pub async fn a_waiting_task_is_cancelled_at_once(open: Open) {
    let kit = Kit::new(&open);
    let queued = kit.submit(new_task()).await;
    let scheduled = kit.submit(NewTask { run_at: Some(at(100)), ..new_task() }).await;
    for id in [queued, scheduled] {
        let answer = kit.store.cancel(Some(&Owner::local()), id, at(5)).await.unwrap();
        assert_eq!(answer, CancelAnswer::Cancelled);
        let task = kit.get(id).await;
        assert_eq!((task.state, task.finished_at), (TaskState::Cancelled, Some(at(5))));
        assert!(!task.cancel_requested);
    }
    assert!(kit.claim(at(200), 10).await.is_empty());
    assert_eq!(kit.store.promote_due(at(200), 10).await.unwrap(), 0);
}

/// A running task is asked to stop, and its worker can see that by asking.
pub async fn a_running_task_is_asked_to_stop(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let worker = WorkerId::new("worker-1");
    assert!(kit.store.cancel_requests(&worker).await.unwrap().is_empty());
    for _ in 0..2 {
        let answer = kit.store.cancel(None, attempt.task, at(5)).await.unwrap();
        assert_eq!(answer, CancelAnswer::Requested);
    }
    let task = kit.get(attempt.task).await;
    assert_eq!((task.state, task.cancel_requested, task.updated_at), (TaskState::Running, true, at(5)));
    assert_eq!(kit.store.cancel_requests(&worker).await.unwrap(), [attempt.task]);
    assert!(kit.store.cancel_requests(&WorkerId::new("worker-2")).await.unwrap().is_empty());
    let state = kit.finish(end(attempt, at(6), Outcome::Cancelled, Next::End)).await;
    assert_eq!(state, TaskState::Cancelled);
    assert!(!kit.get(attempt.task).await.cancel_requested);
    assert!(kit.store.cancel_requests(&worker).await.unwrap().is_empty());
}

/// A cancel of a task that ended says how, and changes nothing.
pub async fn an_ended_task_stays_as_it_is(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    kit.finish(end(attempt, at(2), completed(), Next::End)).await;
    let before = kit.get(attempt.task).await;
    let answer = kit.store.cancel(None, attempt.task, at(5)).await.unwrap();
    assert_eq!(answer, CancelAnswer::AlreadyTerminal(TaskState::Completed));
    assert_eq!(kit.get(attempt.task).await, before);
}

/// A task that was to be cancelled is not tried again, nor put back.
pub async fn a_cancel_ends_what_would_be_tried_again(open: Open) {
    let kit = Kit::new(&open);
    for (next, outcome) in [
        (Next::RetryAt(at(100)), failure(Code::JobRetry)),
        (Next::RetryAt(at(1)), failure(Code::WorkerLost)),
        (Next::Release, Outcome::Cancelled),
    ] {
        let attempt = kit.running().await.attempt;
        kit.store.cancel(None, attempt.task, at(5)).await.unwrap();
        assert_eq!(kit.finish(end(attempt, at(6), outcome, next)).await, TaskState::Cancelled);
        let task = kit.get(attempt.task).await;
        assert_eq!((task.state, task.failure), (TaskState::Cancelled, None));
        // Run again on request, it has forgotten the cancel.
        kit.retry(attempt.task, at(7)).await;
        let again = kit.claim_one(at(8)).await.attempt;
        assert!(!kit.get(attempt.task).await.cancel_requested);
        kit.save(again, save(at(9), b"")).await;
        kit.finish(end(again, at(10), completed(), Next::End)).await;
    }
}

/// A task that completed before it saw the cancel is completed.
pub async fn success_counts_more_than_a_cancel(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    kit.store.cancel(None, attempt.task, at(5)).await.unwrap();
    assert_eq!(kit.finish(end(attempt, at(6), completed(), Next::End)).await, TaskState::Completed);
}

/// For another owner the task is not there.
pub async fn another_owner_cannot_cancel_or_retry(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(new_task()).await;
    let other = Owner::new("other");
    assert_eq!(kit.store.cancel(Some(&other), id, at(5)).await.unwrap(), CancelAnswer::NotFound);
    assert_eq!(kit.state(id).await, TaskState::Queued);
    kit.store.cancel(Some(&Owner::local()), id, at(5)).await.unwrap();
    assert_eq!(kit.store.retry(Some(&other), id, at(5)).await.unwrap(), RetryAnswer::NotFound);
    assert_eq!(kit.state(id).await, TaskState::Cancelled);
}
