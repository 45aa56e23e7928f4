//! Cases of telling that a task has ended.

use longshore_domain::{
    AlertPolicy, Callback, CancelAnswer, Code, FailureWindow, HOST_KEY_PREFIX, NewTask, Next, OutboxMessage,
    TaskId,
};
use serde_json::Value;

use super::Open;
use super::kit::{Kit, at, completed, end, failure, message, new_task};
use super::messages::{claim, claimed};

fn told() -> NewTask {
    let callback = Callback { channel: "email".into(), url: "https://a.example/in".into() };
    NewTask { callback: Some(callback), ..new_task() }
}

/// The messages of the host about the task, and their bodies.
async fn events(kit: &Kit, task: TaskId) -> Vec<(OutboxMessage, Value)> {
    let messages = kit.store.messages(task).await.unwrap();
    let ours = messages.into_iter().filter(|message| message.message.key.starts_with(HOST_KEY_PREFIX));
    ours.map(|message| (message.clone(), serde_json::from_str(&message.message.body).unwrap())).collect()
}

/// The end of a task and the message about it are one: whoever sees one sees the other.
pub async fn a_completion_is_told_once(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(told()).await;
    let attempt = kit.claim_one(at(1)).await.attempt;
    assert!(events(&kit, id).await.is_empty(), "it has not ended");
    let mut finish = end(attempt, at(5), completed(), Next::End);
    finish.messages = vec![message("own")];
    kit.finish(finish).await;
    let events = events(&kit, id).await;
    let [(message, body)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(message.message.recipient, "https://a.example/in");
    assert_eq!((&body["type"], &body["data"]["status"]), (&"job.completed".into(), &"completed".into()));
    assert_eq!(body["data"]["job_id"], id.to_string());
    assert!(body["data"]["result"].is_object());
    assert_eq!(claimed(&kit, claim(5, 10, 10)).await.len(), 2, "it is delivered like any other");
    assert_eq!(
        kit.store.sent_messages(id).await.unwrap().keys,
        ["own"],
        "and a job never sees it among its own"
    );
}

/// Every way to end is told: a failure at the last attempt only, a cancellation, a deadline.
pub async fn every_end_is_told(open: Open) {
    let kit = Kit::new(&open);
    let failing = kit.submit(told()).await;
    let first = kit.claim_one(at(1)).await.attempt;
    kit.finish(end(first, at(2), failure(Code::JobRetry), Next::RetryAt(at(2)))).await;
    assert!(events(&kit, failing).await.is_empty(), "it is tried again");
    let second = kit.claim_one(at(3)).await.attempt;
    kit.finish(end(second, at(4), failure(Code::JobFailed), Next::End)).await;
    let cancelled = kit.submit(told()).await;
    assert_eq!(kit.store.cancel(None, cancelled, at(6)).await.unwrap(), CancelAnswer::Cancelled);
    let late = kit.submit(NewTask { deadline_at: Some(at(7)), ..told() }).await;
    assert_eq!(kit.store.fail_overdue(at(8), 10).await.unwrap(), [late]);
    for (task, event, code) in [
        (failing, "job.failed", "job_failed".into()),
        (cancelled, "job.cancelled", Value::Null),
        (late, "job.failed", "deadline_exceeded".into()),
    ] {
        let events = events(&kit, task).await;
        let [(_, body)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((body["type"].as_str(), &body["data"]["error"]["code"]), (Some(event), &code));
    }
}

/// A task that is run again ends again, and that is told, too.
pub async fn a_second_end_is_told_again(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(told()).await;
    kit.store.cancel(None, id, at(2)).await.unwrap();
    kit.store.retry(None, id, at(3)).await.unwrap();
    let attempt = kit.claim_one(at(4)).await.attempt;
    kit.finish(end(attempt, at(5), completed(), Next::End)).await;
    let types: Vec<_> = events(&kit, id).await.into_iter().map(|(_, body)| body["type"].clone()).collect();
    assert_eq!(types, ["job.cancelled", "job.completed"]);
}

/// The failure that is one too many is told once, over all workers, by a message of its task.
pub async fn too_many_failures_are_told_once(open: Open) {
    let kit = Kit::new(&open);
    let other = open();
    let policy = AlertPolicy {
        min_attempts: 2,
        window_ms: 1_000,
        channel: Some("email".into()),
        recipient: "ops@a.example".into(),
        ..AlertPolicy::default()
    };
    let job_type = "export".parse().unwrap();
    let task = kit.submit(new_task()).await;
    let first = kit.store.note_failures(&job_type, &policy, true, task, at(10)).await.unwrap();
    let second = other.note_failures(&job_type, &policy, true, task, at(20)).await.unwrap();
    let third = kit.store.note_failures(&job_type, &policy, true, task, at(30)).await.unwrap();
    assert_eq!((first, third), (None, None));
    assert_eq!(second, Some(FailureWindow { started_at: at(10), attempts: 2, failures: 2 }));
    let events = events(&kit, task).await;
    let [(message, body)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(message.message.recipient, "ops@a.example");
    assert_eq!((&body["type"], &body["data"]["failures"]), (&"job_type.failing".into(), &2.into()));
}

/// Who asks for nothing is told nothing.
pub async fn nobody_is_told_who_did_not_ask(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(new_task()).await;
    kit.store.cancel(None, id, at(2)).await.unwrap();
    assert!(kit.store.messages(id).await.unwrap().is_empty());
}
