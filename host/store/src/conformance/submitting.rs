//! Cases of submission.

use longshore_domain::{NewTask, Next, Owner, SubmitError, TaskState};

use super::Open;
use super::kit::{Kit, at, completed, end, name, new_task};

/// A submitted task is queued, and reads back as it was submitted.
pub async fn a_submitted_task_is_queued(open: Open) {
    let kit = Kit::new(&open);
    let new = NewTask {
        idempotency_key: Some("key".into()),
        priority: -3,
        deadline_at: Some(at(9_000)),
        owner: Owner::new("somebody"),
        ..new_task()
    };
    let submitted = kit.store.submit(new.clone()).await.unwrap();
    let task = kit.get(new.id).await;
    assert_eq!(submitted.task, task);
    assert_eq!(task.state, TaskState::Queued);
    assert_eq!((task.payload, task.owner, task.job_type), (new.payload, new.owner, new.job_type));
    assert_eq!((task.idempotency_key, task.priority), (new.idempotency_key, -3));
    assert_eq!((task.created_at, task.updated_at), (at(0), at(0)));
    assert_eq!((task.deadline_at, task.ttl_ms, task.attempts), (Some(at(9_000)), 1_000, 0));
    assert_eq!((task.started_at, task.finished_at, task.due_at), (None, None, None));
}

/// A task for later is scheduled, and not claimed before its time.
pub async fn a_delayed_task_is_scheduled(open: Open) {
    let kit = Kit::new(&open);
    let new = NewTask { run_at: Some(at(500)), ..new_task() };
    let submitted = kit.store.submit(new.clone()).await.unwrap();
    let task = kit.get(new.id).await;
    assert_eq!(submitted.task, task);
    assert_eq!((task.state, task.due_at, task.failure), (TaskState::Scheduled, Some(at(500)), None));
    assert!(kit.claim(at(600), 1).await.is_empty());
    assert_eq!(kit.store.promote_due(at(500), 10).await.unwrap(), 1);
    assert_eq!(kit.claim_one(at(600)).await.attempt.task, new.id);
    // A time that has come is no delay.
    let due = kit.submit(NewTask { run_at: Some(at(0)), ..new_task() }).await;
    assert_eq!(kit.state(due).await, TaskState::Queued);
}

/// The same key and payload give the same task.
pub async fn the_same_key_gives_the_same_task(open: Open) {
    let kit = Kit::new(&open);
    let first = NewTask {
        idempotency_key: Some("key".into()),
        payload: r#"{"a":1,"b":{"c":2,"d":3}}"#.into(),
        ..new_task()
    };
    kit.submit(first.clone()).await;
    let again =
        NewTask { payload: r#"{ "b": {"d":3, "c":2}, "a": 1 }"#.into(), created_at: at(5), ..first.clone() };
    let again = kit.store.submit(NewTask { id: new_task().id, ..again }).await.unwrap();
    assert!(again.deduplicated);
    assert_eq!(again.task, kit.get(first.id).await);
    assert_eq!(kit.claim(at(6), 10).await.len(), 1);
}

/// The same key with another payload is refused, and names the task that has it.
pub async fn another_payload_under_a_key_is_a_conflict(open: Open) {
    let kit = Kit::new(&open);
    let first = NewTask { idempotency_key: Some("key".into()), ..new_task() };
    kit.submit(first.clone()).await;
    let other = NewTask { id: new_task().id, payload: r#"{"city":"Pune"}"#.into(), ..first.clone() };
    let other_id = other.id;
    match kit.store.submit(other).await {
        Err(SubmitError::IdempotencyConflict { existing }) => assert_eq!(existing, first.id),
        other => panic!("{other:?}"),
    }
    assert_eq!(kit.store.get(None, other_id).await.unwrap(), None);
}

/// Another owner, or another job type, has keys of its own.
pub async fn a_key_is_scoped_to_owner_and_job_type(open: Open) {
    let kit = Kit::new(&open);
    let keyed = || NewTask { idempotency_key: Some("key".into()), ..new_task() };
    kit.submit(keyed()).await;
    kit.submit(NewTask { owner: Owner::new("other"), ..keyed() }).await;
    kit.submit(NewTask { job_type: name("other"), ..keyed() }).await;
    kit.submit(NewTask { idempotency_key: Some("KEY".into()), ..keyed() }).await;
    kit.submit(new_task()).await;
    kit.submit(new_task()).await;
}

/// A key gives the task also when it has ended.
pub async fn a_key_is_kept_when_the_task_has_ended(open: Open) {
    let kit = Kit::new(&open);
    let first = NewTask { idempotency_key: Some("key".into()), ..new_task() };
    kit.submit(first.clone()).await;
    let claimed = kit.claim_one(at(1)).await;
    kit.finish(end(claimed.attempt, at(2), completed(), Next::End)).await;
    let again = kit.store.submit(NewTask { id: new_task().id, ..first.clone() }).await.unwrap();
    assert!(again.deduplicated);
    assert_eq!((again.task.id, again.task.state), (first.id, TaskState::Completed));
    assert!(again.task.result.is_some());
}

/// A submission that fails, here because its id is taken, undoes only itself.
pub async fn a_failing_submission_takes_no_other_with_it(open: Open) {
    let kit = Kit::new(&open);
    let taken = new_task();
    kit.submit(taken.clone()).await;
    let good: Vec<NewTask> = (0..20).map(|_| new_task()).collect();
    let mut submissions = Vec::new();
    for task in good.iter().cloned().chain([taken.clone()]).chain((0..20).map(|_| new_task())) {
        let store = kit.store.clone();
        submissions.push(tokio::spawn(async move { store.submit(task).await.is_ok() }));
    }
    let mut refused = 0;
    for submission in submissions {
        refused += u32::from(!submission.await.unwrap());
    }
    assert_eq!(refused, 1);
    assert_eq!(kit.claim(at(1), 100).await.len(), 41);
}
