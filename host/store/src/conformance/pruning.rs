//! Cases of retention.

use longshore_domain::{
    CancelAnswer, Code, LogLevel, LogLine, NewTask, Next, Owner, RetryAnswer, TaskFilter,
};

use super::Open;
use super::kit::{Kit, at, completed, end, failure, message, new_task};
use super::messages::{claim, claimed};

/// A task that is kept for a second after its end.
fn kept_for_a_second() -> NewTask {
    NewTask { ttl_ms: 1_000, idempotency_key: Some("key".into()), ..new_task() }
}

/// A task is kept for its time after its end, and then forgotten with all that belongs to it.
pub async fn a_finished_task_is_kept_for_its_time(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(kept_for_a_second()).await;
    let attempt = kit.claim_one(at(1)).await.attempt;
    assert_eq!(kit.store.prune(at(1_000_000), 10).await.unwrap(), 0, "it has not ended");
    kit.finish(end(attempt, at(5), completed(), Next::End)).await;

    assert_eq!(kit.store.prune(at(1_004), 10).await.unwrap(), 0);
    assert!(kit.store.get(None, id).await.unwrap().is_some());
    assert_eq!(kit.store.prune(at(1_005), 10).await.unwrap(), 1);
    assert!(kit.store.get(None, id).await.unwrap().is_none());
    assert!(kit.store.attempts(id).await.unwrap().is_empty());
    assert!(
        kit.store.list(TaskFilter { limit: 10, ..TaskFilter::default() }).await.unwrap().tasks.is_empty()
    );
    assert_eq!(kit.store.prune(at(1_005), 10).await.unwrap(), 0);

    let again = kit.store.submit(kept_for_a_second()).await.unwrap();
    assert!(!again.deduplicated, "its key is free again");
}

/// Until somebody says that its files are gone, a pruned task is told of.
pub async fn files_of_pruned_tasks_are_remembered(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(kept_for_a_second()).await;
    assert_eq!(kit.store.cancel(None, id, at(1)).await.unwrap(), CancelAnswer::Cancelled);
    assert!(kit.store.pruned(10).await.unwrap().is_empty());
    kit.store.prune(at(2_000), 10).await.unwrap();
    assert_eq!(kit.store.pruned(10).await.unwrap(), [id]);
    assert_eq!(kit.store.pruned(10).await.unwrap(), [id]);
    kit.store.files_are_gone(vec![id]).await.unwrap();
    assert!(kit.store.pruned(10).await.unwrap().is_empty());
}

/// A task with very much to it is a step of its own, so that nothing else waits for long.
pub async fn a_task_with_a_long_log_ends_a_step(open: Open) {
    let kit = Kit::new(&open);
    for ttl_ms in [1_000, 2_000, 3_000] {
        let id = kit.submit(NewTask { ttl_ms, ..new_task() }).await;
        kit.store.cancel(None, id, at(1)).await.unwrap();
        let line = LogLine { attempt: 1, at: at(1), level: LogLevel::Info, message: "x".into() };
        let lines = if ttl_ms == 2_000 { 6_000 } else { 10 };
        kit.store.append_log(id, vec![line; lines]).await.unwrap();
    }
    for forgotten in [2, 1, 0] {
        assert_eq!(kit.store.prune(at(10_000), 10).await.unwrap(), forgotten);
    }
}

/// Those go first whose time has been over for longest, no more than asked for at once.
pub async fn pruning_goes_in_steps(open: Open) {
    let kit = Kit::new(&open);
    let mut ids = Vec::new();
    for ttl_ms in [3_000, 1_000, 2_000] {
        let id = kit.submit(NewTask { ttl_ms, ..new_task() }).await;
        kit.store.cancel(None, id, at(1)).await.unwrap();
        ids.push(id);
    }
    for first in [1, 2, 0] {
        assert!(kit.store.get(None, ids[first]).await.unwrap().is_some());
        assert_eq!(kit.store.prune(at(10_000), 1).await.unwrap(), 1);
        assert!(kit.store.get(None, ids[first]).await.unwrap().is_none(), "{first} should have gone");
    }
}

/// A task that is run again is not pruned, and its time begins anew when it ends.
pub async fn a_task_that_runs_again_is_kept(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(NewTask { ttl_ms: 1_000, ..new_task() }).await;
    let attempt = kit.claim_one(at(1)).await.attempt;
    kit.finish(end(attempt, at(5), failure(Code::JobFailed), Next::End)).await;
    assert_eq!(kit.store.retry(Some(&Owner::local()), id, at(10)).await.unwrap(), RetryAnswer::Queued);
    assert_eq!(kit.store.prune(at(100_000), 10).await.unwrap(), 0);
    kit.store.cancel(None, id, at(5_000)).await.unwrap();
    assert_eq!(kit.store.prune(at(5_999), 10).await.unwrap(), 0);
    assert_eq!(kit.store.prune(at(6_000), 10).await.unwrap(), 1);
}

/// A message that is not delivered yet keeps its task.
pub async fn mail_is_delivered_before_its_task_is_pruned(open: Open) {
    let kit = Kit::new(&open);
    kit.submit(NewTask { ttl_ms: 1_000, ..new_task() }).await;
    let attempt = kit.claim_one(at(1)).await.attempt;
    let mut finish = end(attempt, at(5), completed(), Next::End);
    finish.messages = vec![message("k")];
    kit.finish(finish).await;
    assert_eq!(kit.store.prune(at(100_000), 10).await.unwrap(), 0);
    let mail = claimed(&kit, claim(100_000, 100_001, 10)).await.remove(0);
    kit.store.message_delivered(mail.id, at(100_000)).await.unwrap();
    assert_eq!(kit.store.prune(at(100_000), 10).await.unwrap(), 1);
}
