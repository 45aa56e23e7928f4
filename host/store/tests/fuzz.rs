//! States and texts of jobs, which may be anything.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;

use longshore_domain::{
    CheckpointStore as _, ClaimRequest, Claimed, Code, ComponentSha, Failure, Finish, FinishAnswer,
    JobTypeClaim, KeptSlots, NewMessage, NewTask, Next, Outcome, Owner, Progress, Save, SaveAnswer,
    SavedArtifact, TaskId, TaskState, TaskStore, Timestamp, Usage, WorkerId,
};
use longshore_fuzz::Corpus;
use longshore_store::SqliteStore;
use rusqlite::Connection;
use tokio::runtime::Runtime;

const NAME: &str = "fuzz-states";

/// What a job saved is what its next attempt gets, to the byte; and what was changed since is not taken for it.
#[test]
fn any_state_comes_back_as_it_was_or_is_known_to_be_damaged() {
    let runtime = Runtime::new().unwrap();
    let store = SqliteStore::in_memory(NAME).unwrap();
    let database = Connection::open(format!("file:{NAME}?mode=memory&cache=shared")).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/states");
    Corpus::read(&folder).fuzz(1_000, |state| {
        runtime.block_on(async {
            // The sandbox lets no name be empty, or have a folder in it.
            let text = format!("x{}", String::from_utf8_lossy(state).replace('/', "|"));
            let first = attempt_of(&store, Some(&text)).await;
            let save = Save {
                at: Timestamp::from_ms(2),
                state: state.to_vec(),
                progress: Progress { message: text.clone(), ..first_progress() },
                artifacts: vec![artifact(&text)],
                messages: vec![message(&text)],
            };
            let saved = store.save(first.attempt, save).await.unwrap();
            assert!(matches!(saved, SaveAnswer::Saved { .. }));
            try_again(&store, &first).await;

            let second = attempt_of(&store, None).await;
            let checkpoint = second.checkpoint.clone().unwrap();
            assert_eq!((checkpoint.state.as_slice(), checkpoint.is_sound), (state, true));
            assert_eq!(
                (&checkpoint.progress.message, &checkpoint.artifacts),
                (&text, &vec![artifact(&text)])
            );
            assert_eq!(
                store.sent_messages(second.attempt.task).await.unwrap().keys,
                std::slice::from_ref(&text)
            );
            try_again(&store, &second).await;

            let mut damaged = state.to_vec();
            match damaged.first_mut() {
                Some(byte) => *byte ^= 1,
                None => damaged.push(0),
            }
            let task = second.attempt.task;
            let changed = database
                .execute("UPDATE checkpoints SET state = ?1 WHERE state IS NOT ?1", [&damaged])
                .unwrap();
            assert_eq!(changed, 1);
            let third = attempt_of(&store, None).await;
            assert_eq!((third.attempt.task, third.checkpoint.as_ref().unwrap().is_sound), (task, false));
            let end = Finish { next: Next::End, ..finish(&third) };
            assert_eq!(store.finish(end).await.unwrap(), FinishAnswer::Recorded(TaskState::Failed));
            database.execute("DELETE FROM checkpoints", []).unwrap();
        });
    });
}

fn first_progress() -> Progress {
    Progress { done: 1, total: None, message: String::new() }
}

fn artifact(name: &str) -> SavedArtifact {
    SavedArtifact { name: name.to_owned(), media_type: name.to_owned(), bytes: 1, sha256: None }
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        channel: "email".into(),
        key: text.to_owned(),
        recipient: text.to_owned(),
        subject: text.to_owned(),
        content_type: text.to_owned(),
        body: text.to_owned(),
    }
}

/// An attempt of the only task, of a new one with that payload if there is one.
async fn attempt_of(store: &SqliteStore, payload: Option<&str>) -> Claimed {
    if let Some(payload) = payload {
        let task = NewTask {
            id: TaskId::random(),
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: payload.to_owned(),
            idempotency_key: None,
            priority: 0,
            created_at: Timestamp::from_ms(1),
            run_at: None,
            is_delayed: false,
            deadline_at: None,
            ttl_ms: 1,
            callback: None,
        };
        store.submit(task).await.unwrap();
    }
    let request = ClaimRequest {
        worker: WorkerId::new("worker"),
        now: Timestamp::from_ms(10),
        lease_until: Timestamp::from_ms(1_000),
        limit: 1,
        kept: KeptSlots::default(),
        job_types: vec![JobTypeClaim {
            name: "export".parse().unwrap(),
            component: ComponentSha::new("sha"),
            concurrency: None,
            rate: None,
            has_breaker: false,
        }],
    };
    store.claim(request).await.unwrap().remove(0)
}

fn finish(claimed: &Claimed) -> Finish {
    Finish {
        attempt: claimed.attempt,
        at: Timestamp::from_ms(3),
        outcome: Outcome::Failed(Failure::new(Code::JobRetry, "again")),
        next: Next::RetryAt(Timestamp::from_ms(4)),
        usage: Usage::default(),
        progress: first_progress(),
        artifacts: Vec::new(),
        messages: Vec::new(),
        recovery: None,
    }
}

async fn try_again(store: &SqliteStore, claimed: &Claimed) {
    let answer = store.finish(finish(claimed)).await.unwrap();
    assert!(matches!(answer, FinishAnswer::Recorded(_)));
    store.promote_due(Timestamp::from_ms(10), 10).await.unwrap();
}
