//! Cases of the end of an attempt.

use longshore_domain::{
    AttemptRef, Code, Finish, FinishAnswer, Next, Outcome, Recovery, Renewal, RenewalAnswer, SaveAnswer,
    TaskState,
};

use super::Open;
use super::kit::{
    Kit, LEASE_MS, artifact, at, completed, end, failure, finished_artifact, message, progress, save,
};

/// A completed task has its result, times and last progress.
pub async fn a_completed_task_tells_its_result(open: Open) {
    let kit = Kit::new(&open);
    let claimed = kit.running().await;
    let id = claimed.attempt.task;
    let mut finish = end(claimed.attempt, at(5), completed(), Next::End);
    finish.progress = progress(100, "done");
    assert_eq!(kit.finish(finish).await, TaskState::Completed);
    let task = kit.get(id).await;
    assert_eq!((task.state, task.result.as_deref()), (TaskState::Completed, Some(r#"{"rows":3}"#)));
    assert_eq!((task.started_at, task.finished_at, task.updated_at), (Some(at(1)), Some(at(5)), at(5)));
    assert_eq!((task.attempts, task.failure, task.progress), (1, None, progress(100, "done")));
    assert!(kit.claim(at(6), 10).await.is_empty());
}

/// A failed task has its failure, and how far it came.
pub async fn a_failed_task_tells_why(open: Open) {
    let kit = Kit::new(&open);
    let claimed = kit.running().await;
    let mut finish = end(claimed.attempt, at(5), failure(Code::OutOfFuel), Next::End);
    finish.progress = progress(40, "on the way");
    assert_eq!(kit.finish(finish).await, TaskState::Failed);
    let task = kit.get(claimed.attempt.task).await;
    let failure = task.failure.unwrap();
    assert_eq!((failure.code, failure.message.as_str()), (Code::OutOfFuel, "it went wrong"));
    assert_eq!(failure.detail.as_deref(), Some("at line 1"));
    assert_eq!((task.result, task.progress), (None, progress(40, "on the way")));
    assert_eq!(task.finished_at, Some(at(5)));
}

/// An attempt that stopped because of a cancel ends its task as cancelled.
pub async fn a_task_can_end_by_its_own_cancel(open: Open) {
    let kit = Kit::new(&open);
    let claimed = kit.running().await;
    let state = kit.finish(end(claimed.attempt, at(5), Outcome::Cancelled, Next::End)).await;
    assert_eq!(state, TaskState::Cancelled);
    let task = kit.get(claimed.attempt.task).await;
    assert_eq!((task.state, task.failure, task.result), (TaskState::Cancelled, None, None));
}

/// The second end of an attempt is fenced.
pub async fn an_attempt_ends_once(open: Open) {
    let kit = Kit::new(&open);
    let claimed = kit.running().await;
    kit.finish(end(claimed.attempt, at(5), completed(), Next::End)).await;
    let before = kit.get(claimed.attempt.task).await;
    let again = end(claimed.attempt, at(6), failure(Code::Trap), Next::End);
    assert_eq!(kit.store.finish(again).await.unwrap(), FinishAnswer::Fenced);
    assert_eq!(kit.get(claimed.attempt.task).await, before);
    let unknown = AttemptRef { task: longshore_domain::TaskId::random(), number: 1 };
    let unknown = end(unknown, at(6), completed(), Next::End);
    assert_eq!(kit.store.finish(unknown).await.unwrap(), FinishAnswer::Fenced);
}

/// An attempt that lost its lease to a successor can write nothing: no save, no end, no renewal.
pub async fn a_late_attempt_changes_nothing(open: Open) {
    let kit = Kit::new(&open);
    let late = kit.running().await.attempt;
    kit.save(late, save(at(2), b"first")).await;
    kit.finish(end(late, at(3), failure(Code::WorkerLost), Next::RetryAt(at(3)))).await;
    let successor = kit.claim_one(at(4)).await;
    assert_eq!(successor.attempt, AttemptRef { task: late.task, number: 2 });
    let before = (kit.get(late.task).await, kit.store.attempts(late.task).await.unwrap());

    let mut late_save = save(at(5), b"late");
    late_save.messages = vec![message("late")];
    late_save.artifacts = vec![artifact("late", 1)];
    assert_eq!(kit.store.save(late, late_save).await.unwrap(), SaveAnswer::Fenced);
    let mut late_end = end(late, at(5), completed(), Next::End);
    late_end.messages = vec![message("late")];
    late_end.artifacts = vec![finished_artifact("late", 1)];
    assert_eq!(kit.store.finish(late_end).await.unwrap(), FinishAnswer::Fenced);
    let renewal = Renewal { attempt: late, progress: Some(progress(99, "late")) };
    let answers = kit.store.renew(vec![renewal], at(5), at(9_000)).await.unwrap();
    assert_eq!(answers, [RenewalAnswer::Lost]);

    assert_eq!((kit.get(late.task).await, kit.store.attempts(late.task).await.unwrap()), before);
    assert!(kit.store.messages(late.task).await.unwrap().is_empty());
    assert!(kit.store.unpublished(10).await.unwrap().is_empty());
    // The successor is not disturbed.
    kit.finish(end(successor.attempt, at(6), completed(), Next::End)).await;
}

/// Who acts for a lost worker ends only an attempt whose lease is over.
pub async fn only_an_expired_lease_is_ended_for_a_lost_worker(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let sweep = |now, lease| Finish {
        recovery: Some(Recovery::LeaseExpired(lease)),
        ..end(attempt, now, failure(Code::WorkerLost), Next::RetryAt(now))
    };
    let first = at(1 + LEASE_MS);
    assert_eq!(kit.store.finish(sweep(at(LEASE_MS), first)).await.unwrap(), FinishAnswer::Fenced);
    assert_eq!(kit.state(attempt.task).await, TaskState::Running);
    // A renewal between the look and the sweep saves the attempt.
    kit.store.renew(vec![Renewal { attempt, progress: None }], at(LEASE_MS), at(5 * LEASE_MS)).await.unwrap();
    assert_eq!(kit.store.finish(sweep(at(LEASE_MS + 1), first)).await.unwrap(), FinishAnswer::Fenced);
    let swept = kit.store.finish(sweep(at(5 * LEASE_MS), at(5 * LEASE_MS))).await.unwrap();
    assert_eq!(swept, FinishAnswer::Recorded(TaskState::Queued));
}

/// Every attempt that ended is kept with what it used and why it ended.
pub async fn every_attempt_is_kept(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    kit.finish(end(first, at(2), failure(Code::JobRetry), Next::RetryAt(at(2)))).await;
    let second = kit.claim_one(at(3)).await.attempt;
    kit.finish(end(second, at(4), Outcome::Cancelled, Next::Release)).await;
    let third = kit.claim_one(at(5)).await.attempt;
    kit.finish(end(third, at(6), completed(), Next::End)).await;
    let attempts = kit.store.attempts(first.task).await.unwrap();
    let outcomes: Vec<_> =
        attempts.iter().map(|attempt| (attempt.number, attempt.outcome.as_deref().unwrap())).collect();
    assert_eq!(outcomes, [(1, "job_retry"), (2, "released"), (3, "completed")]);
    assert_eq!(attempts[0].message.as_deref(), Some("it went wrong"));
    assert_eq!(attempts[0].detail.as_deref(), Some("at line 1"));
    assert_eq!((attempts[0].started_at, attempts[0].ended_at), (at(1), Some(at(2))));
    assert_eq!((attempts[2].usage.fuel, attempts[2].usage.memory_bytes), (7, 64));
    assert_eq!(attempts[2].message, None);
}
