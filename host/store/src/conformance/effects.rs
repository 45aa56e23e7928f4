//! Cases of the commit rule: checkpoint, progress and artifacts become real together.

use longshore_domain::{Code, NewMessage, Next, Owner, SaveAnswer, StoreError, TaskState};

use super::Open;
use super::kit::{Kit, artifact, at, completed, end, failure, finished_artifact, message, progress, save};

/// What a save recorded is what the next attempt starts from.
pub async fn a_save_is_what_the_next_attempt_starts_from(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let mut saved = save(at(2), b"\x00state\xff");
    saved.progress = progress(12, "twelve");
    saved.artifacts = vec![artifact("b.csv", 10), artifact("a.csv", 0)];
    saved.messages = vec![message("m1"), message("m2")];
    kit.save(first, saved.clone()).await;
    kit.finish(end(first, at(3), failure(Code::WorkerLost), Next::RetryAt(at(3)))).await;
    let checkpoint = kit.claim_one(at(4)).await.checkpoint.unwrap();
    assert_eq!((checkpoint.attempt, checkpoint.saves, checkpoint.messages), (1, 1, 2));
    assert_eq!(checkpoint.state, saved.state);
    assert_eq!(checkpoint.progress, saved.progress);
    assert_eq!(checkpoint.artifacts, saved.artifacts);
}

/// A later save takes the place of the one before.
pub async fn saves_are_counted_and_replace_each_other(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let mut saved = save(at(2), b"one");
    saved.artifacts = vec![artifact("a", 1), artifact("b", 2), artifact("c", 3)];
    saved.messages = vec![message("m1")];
    kit.save(first, saved).await;
    kit.finish(end(first, at(3), failure(Code::JobRetry), Next::RetryAt(at(3)))).await;
    let second = kit.claim_one(at(4)).await.attempt;
    let mut saved = save(at(5), b"two");
    saved.artifacts = vec![artifact("a", 100), artifact("d", 4)];
    let naive = NewMessage { body: "naïve ✓".into(), ..message("m2") };
    saved.messages = vec![naive.clone()];
    kit.save(second, saved).await;
    kit.save(second, save(at(6), b"")).await;
    kit.finish(end(second, at(7), failure(Code::JobRetry), Next::RetryAt(at(7)))).await;
    let checkpoint = kit.claim_one(at(8)).await.checkpoint.unwrap();
    let attempts = kit.store.attempts(first.task).await.unwrap();
    let own: Vec<u32> = attempts.iter().map(|attempt| attempt.saves).collect();
    assert_eq!(own, [1, 2, 0], "an attempt has its own saves, their sum is the task's");
    assert_eq!((checkpoint.attempt, checkpoint.saves, checkpoint.messages), (2, 3, 2));
    assert_eq!((checkpoint.state, checkpoint.artifacts), (Vec::new(), Vec::new()));
    let sent = kit.store.sent_messages(first.task).await.unwrap();
    assert_eq!(sent.keys, ["m1", "m2"]);
    assert_eq!(sent.bytes, message("m1").bytes() + naive.bytes());
}

/// A save of an attempt that lost its lease leaves no trace.
pub async fn a_late_save_changes_nothing(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    kit.finish(end(first, at(3), failure(Code::WorkerLost), Next::RetryAt(at(3)))).await;
    let mut late = save(at(4), b"late");
    late.messages = vec![message("late")];
    late.artifacts = vec![artifact("late", 1)];
    assert_eq!(kit.store.save(first, late).await.unwrap(), SaveAnswer::Fenced);
    let second = kit.claim_one(at(5)).await;
    assert_eq!(second.checkpoint, None);
    assert!(kit.store.sent_messages(first.task).await.unwrap().keys.is_empty());
}

/// Progress that was only reported goes with the attempt; that of the save stays.
pub async fn progress_goes_back_to_the_last_save(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let mut saved = save(at(2), b"x");
    saved.progress = progress(10, "saved");
    kit.save(first, saved).await;
    assert_eq!(kit.get(first.task).await.progress, progress(10, "saved"));
    assert_eq!(kit.get(first.task).await.updated_at, at(2));
    let renewal = longshore_domain::Renewal { attempt: first, progress: Some(progress(20, "reported")) };
    kit.store.renew(vec![renewal], at(3), at(5_000)).await.unwrap();
    assert_eq!(kit.get(first.task).await.progress, progress(20, "reported"));
    let mut lost = end(first, at(4), failure(Code::JobRetry), Next::RetryAt(at(50)));
    lost.progress = progress(25, "at the end");
    kit.finish(lost).await;
    assert_eq!(kit.get(first.task).await.progress, progress(10, "saved"));
    kit.store.promote_due(at(50), 1).await.unwrap();
    assert_eq!(kit.get(first.task).await.progress, progress(10, "saved"));
    let second = kit.claim_one(at(51)).await.attempt;
    assert_eq!(kit.get(first.task).await.progress, progress(10, "saved"));
    kit.finish(end(second, at(52), failure(Code::JobRetry), Next::RetryAt(at(60)))).await;
    kit.store.cancel(None, first.task, at(53)).await.unwrap();
    assert_eq!(kit.get(first.task).await.progress, progress(10, "saved"));
}

/// Artifacts show once the task is completed, with digests, and in the order in which they were begun.
pub async fn artifacts_show_when_the_task_is_completed(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let mut saved = save(at(2), b"x");
    saved.artifacts = vec![artifact("b \"quoted\".csv", 5), artifact("a.csv", 1), artifact("gone", 1)];
    kit.save(first, saved).await;
    assert!(kit.get(first.task).await.artifacts.is_empty());
    kit.fail(first, at(3)).await;
    assert!(kit.get(first.task).await.artifacts.is_empty());
    kit.retry(first.task, at(4)).await;
    let second = kit.claim_one(at(5)).await;
    assert_eq!(second.checkpoint.unwrap().artifacts.len(), 3);
    let finished =
        vec![finished_artifact("b \"quoted\".csv", u64::from(u32::MAX) * 9), finished_artifact("a.csv", 2)];
    let mut finish = end(second.attempt, at(6), completed(), Next::End);
    finish.artifacts = finished.clone();
    kit.finish(finish).await;
    let shown = kit.get(first.task).await.artifacts;
    assert!(shown.iter().all(|record| record.attempt == 2));
    assert_eq!(shown.into_iter().map(|record| record.artifact).collect::<Vec<_>>(), finished);
}

/// A completed task with artifacts is to be published until somebody says that it was.
pub async fn artifacts_are_to_be_published_once(open: Open) {
    let kit = Kit::new(&open);
    let mut tasks = Vec::new();
    for name in [None, Some("one"), Some("two")] {
        let attempt = kit.running().await.attempt;
        let mut finish = end(attempt, at(2), completed(), Next::End);
        finish.artifacts = name.map(|name| finished_artifact(name, 1)).into_iter().collect();
        kit.finish(finish).await;
        tasks.push(attempt.task);
    }
    let failed = kit.running().await.attempt;
    let mut saved = save(at(2), b"x");
    saved.artifacts = vec![artifact("of a failed task", 1)];
    kit.save(failed, saved).await;
    kit.fail(failed, at(3)).await;

    let unpublished = kit.store.unpublished(10).await.unwrap();
    assert_eq!(unpublished.iter().map(|task| task.task).collect::<Vec<_>>(), tasks[1..]);
    assert_eq!((unpublished[0].attempt, unpublished[0].artifacts[0].attempt), (1, 1));
    assert_eq!(unpublished[0].artifacts[0].artifact, finished_artifact("one", 1));
    assert_eq!(kit.store.unpublished(1).await.unwrap().len(), 1);
    for _ in 0..2 {
        kit.store.mark_published(tasks[1]).await.unwrap();
    }
    let left = kit.store.unpublished(10).await.unwrap();
    assert_eq!(left.iter().map(|task| task.task).collect::<Vec<_>>(), tasks[2..]);
    assert_eq!(kit.get(tasks[1]).await.artifacts.len(), 1);
}

/// Artifacts of an owner's completed tasks are listed, those of the newest task first, page by page.
pub async fn artifacts_are_listed_newest_first(open: Open) {
    let kit = Kit::new(&open);
    let owner = Owner::local();
    for task in 0..3 {
        let attempt = kit.running().await.attempt;
        let mut finish = end(attempt, at(2), completed(), Next::End);
        finish.artifacts = ["a", "b"].map(|name| finished_artifact(&format!("{name}{task}"), 7)).into();
        kit.finish(finish).await;
    }
    let unfinished = kit.running().await.attempt;
    let mut saved = save(at(2), b"x");
    saved.artifacts = vec![artifact("saved", 1)];
    kit.save(unfinished, saved).await;

    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = kit.store.artifacts(&owner, after, 2).await.unwrap();
        assert!(page.artifacts.len() <= 2);
        names.extend(page.artifacts.into_iter().map(|listed| listed.artifact.name));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(names, ["b2", "a2", "b1", "a1", "b0", "a0"]);
    let whole = kit.store.artifacts(&owner, None, 6).await.unwrap();
    assert_eq!((whole.artifacts.len(), whole.next), (6, None));
    assert_eq!((whole.artifacts[0].finished_at, &whole.artifacts[0].artifact.bytes), (at(2), &7));
    let others = kit.store.artifacts(&Owner::new("nobody"), None, 6).await.unwrap();
    assert_eq!(others.artifacts, []);
    let no_page = kit.store.artifacts(&owner, Some("no marker".into()), 6).await;
    assert!(matches!(no_page, Err(StoreError::NoSuchPage)));
}

/// A save is durable also when a cancel was asked, and says so.
pub async fn a_save_tells_of_a_cancel(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    kit.store.cancel(None, attempt.task, at(2)).await.unwrap();
    let answer = kit.store.save(attempt, save(at(3), b"x")).await.unwrap();
    assert_eq!(answer, SaveAnswer::Saved { cancel_requested: true });
    assert_eq!(kit.state(attempt.task).await, TaskState::Running);
}
