//! Cases of tasks that wait.

use longshore_domain::{Code, NewTask, TaskState};

use super::Open;
use super::kit::{Kit, at, new_task};

/// Due tasks are promoted, those that are longest due first, and no more than asked for.
pub async fn due_tasks_are_promoted_oldest_first(open: Open) {
    let kit = Kit::new(&open);
    let mut ids = Vec::new();
    for due in [30, 10, 20, 40] {
        ids.push(kit.submit(NewTask { run_at: Some(at(due)), ..new_task() }).await);
    }
    assert_eq!(kit.store.promote_due(at(30), 2).await.unwrap(), 2);
    assert_eq!(kit.state(ids[1]).await, TaskState::Queued);
    assert_eq!(kit.state(ids[2]).await, TaskState::Queued);
    assert_eq!(kit.state(ids[0]).await, TaskState::Scheduled);
    assert_eq!(kit.store.promote_due(at(30), 2).await.unwrap(), 1);
    assert_eq!(kit.store.promote_due(at(30), 2).await.unwrap(), 0);
    let task = kit.get(ids[0]).await;
    assert_eq!((task.due_at, task.updated_at), (None, at(30)));
    // What was submitted first is claimed first, whenever it was due.
    assert_eq!(kit.claim(at(31), 1).await[0].attempt.task, ids[0]);
}

/// The store knows when to look again.
pub async fn the_next_due_time_is_known(open: Open) {
    let kit = Kit::new(&open);
    assert_eq!(kit.store.next_due().await.unwrap(), None);
    for due in [30, 10] {
        kit.submit(NewTask { run_at: Some(at(due)), ..new_task() }).await;
    }
    assert_eq!(kit.store.next_due().await.unwrap(), Some(at(10)));
    kit.store.promote_due(at(10), 10).await.unwrap();
    assert_eq!(kit.store.next_due().await.unwrap(), Some(at(30)));
}

/// Queued and scheduled tasks fail at their deadline; running ones are their worker's.
pub async fn overdue_tasks_fail_while_they_wait(open: Open) {
    let kit = Kit::new(&open);
    let with_deadline = |ms| NewTask { deadline_at: Some(at(ms)), ..new_task() };
    let running = kit.submit(with_deadline(100)).await;
    assert_eq!(kit.claim_one(at(1)).await.attempt.task, running);
    let queued = kit.submit(with_deadline(100)).await;
    let scheduled = kit.submit(NewTask { run_at: Some(at(500)), ..with_deadline(99) }).await;
    let patient = kit.submit(with_deadline(101)).await;
    let endless = kit.submit(new_task()).await;
    assert!(kit.store.fail_overdue(at(98), 10).await.unwrap().is_empty());
    let mut failed = kit.store.fail_overdue(at(100), 1).await.unwrap();
    assert_eq!(failed.len(), 1);
    failed.extend(kit.store.fail_overdue(at(100), 10).await.unwrap());
    failed.sort();
    let mut expected = vec![queued, scheduled];
    expected.sort();
    assert_eq!(failed, expected);
    for id in expected {
        let task = kit.get(id).await;
        assert_eq!((task.state, task.finished_at), (TaskState::Failed, Some(at(100))));
        assert_eq!(task.failure.unwrap().code, Code::DeadlineExceeded);
        assert!(task.deadline_at.is_some());
    }
    assert_eq!(kit.state(running).await, TaskState::Running);
    let left: Vec<_> = kit.claim(at(100), 10).await.iter().map(|claimed| claimed.attempt.task).collect();
    assert_eq!(left, [patient, endless]);
}
