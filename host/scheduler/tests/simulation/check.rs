//! What must be true after each step, whatever happened in it.

use std::collections::BTreeSet;

use longshore_domain::{Event, TaskId, TaskState, message_id, transition};

use crate::book::Book;
use crate::tables::{Place, Snapshot, TaskRows};

const EVENTS: [Event; 9] = [
    Event::Due,
    Event::Claimed,
    Event::Released,
    Event::Succeeded,
    Event::Failed,
    Event::WillRetry { later: false },
    Event::WillRetry { later: true },
    Event::Cancelled,
    Event::RetryAsked,
];

/// Compares the tables before and after a step.
pub(crate) fn check(before: &Snapshot, after: &Snapshot, book: &Book) {
    assert!(book.wrong.is_empty(), "{}", book.wrong.join("\n"));
    assert!(book.calls.len() <= 1, "one step made several calls: {:?}", book.calls);
    for id in &book.promised {
        assert!(after.contains_key(id), "{id} was promised and is gone");
    }
    for (id, task) in before {
        let now = after.get(id).unwrap_or_else(|| panic!("{id} is gone"));
        moved_legally(task, now);
        only_grew(task, now);
    }
    let mut keys = BTreeSet::new();
    for (id, task) in after {
        is_whole(*id, task);
        if let Some(key) = &task.key {
            assert!(keys.insert((&task.job_type, key)), "the key {key:?} names two tasks");
        }
    }
}

/// One step moves a task along one edge of `transition` at most; one that ended leaves that state by a retry alone.
fn moved_legally(before: &TaskRows, after: &TaskRows) {
    let (from, to) = (before.state(), after.state());
    if from == to {
        if from.is_terminal() {
            assert_eq!(before.place(), after.place(), "a task that had ended changed");
            assert_eq!(before.artifacts, after.artifacts, "artifacts changed after the end");
            assert_eq!(before.checkpoint, after.checkpoint, "a checkpoint changed after the end");
        }
        return;
    }
    let edge = EVENTS.into_iter().any(|event| transition(from, event) == Ok(to));
    assert!(edge, "a {} task became {}", from.as_str(), to.as_str());
    assert!(
        !before.cancel_requested() || to.is_terminal(),
        "a running task whose cancel was asked became {}",
        to.as_str()
    );
}

/// What is never taken back.
fn only_grew(before: &TaskRows, after: &TaskRows) {
    assert_eq!(
        (before.seq, &before.job_type, before.rank, &before.key, &before.payload),
        (after.seq, &after.job_type, after.rank, &after.key, &after.payload),
        "what was submitted changed"
    );
    assert!(after.ended.starts_with(&before.ended), "the history of attempts changed");
    assert!(after.attempts >= before.attempts, "attempt numbers went down");
    match (&before.checkpoint, &after.checkpoint) {
        (Some(_), None) => assert_eq!(after.state(), TaskState::Completed, "a checkpoint is gone"),
        (Some(old), Some(new)) => {
            assert!((new.saves, new.attempt) >= (old.saves, old.attempt), "saves went back");
        }
        _ => {}
    }
    assert!(after.messages.len() >= before.messages.len(), "a message is gone");
    for (old, new) in before.messages.iter().zip(&after.messages) {
        assert_eq!((old.id, &old.key, &old.body), (new.id, &new.key, &new.body), "a message changed");
        assert!(old.state == "pending" || old.state == new.state, "a message left the state {}", old.state);
        let (before, after) = (old.tries + old.lost_tries, new.tries + new.lost_tries);
        assert!(after >= before && new.lost_tries >= old.lost_tries, "tries of a message went down");
    }
}

/// What is true of a task at any time.
fn is_whole(id: TaskId, task: &TaskRows) {
    assert_eq!(task.places.len(), 1, "{id} is in these places: {:?}", task.places);
    let numbers: Vec<u32> = task.ended.iter().map(|(number, _)| *number).chain(task.holder()).collect();
    let expected: Vec<u32> = (1..=task.attempts).collect();
    assert_eq!(numbers, expected, "attempts are numbered without gaps, each once");
    assert!(task.counted <= task.attempts);
    let completed = task.ended.iter().filter(|(_, outcome)| outcome == "completed").count();
    let is_completed = task.state() == TaskState::Completed;
    assert_eq!(completed, usize::from(is_completed), "a task completes once, by one attempt");
    assert!(!task.unpublished || is_completed, "only what is completed is published");
    if let Place::Finished { result, code, .. } = task.place() {
        assert_eq!((result.is_some(), code.is_some()), (is_completed, task.state() == TaskState::Failed));
    }
    let mut keys = BTreeSet::new();
    for message in &task.messages {
        assert!(keys.insert(&message.key), "two messages of a task have the key {:?}", message.key);
        assert_eq!(message.id, message_id(id, &message.key));
        assert_eq!(message.due_at.is_some(), message.state == "pending", "{message:?}");
    }
    if let Some(checkpoint) = &task.checkpoint {
        assert!(checkpoint.attempt <= task.attempts);
        assert_eq!(checkpoint.messages as usize, task.messages.len(), "the checkpoint counts the messages");
    }
}
