//! Job types that are paused.

use longshore_domain::{Owner, Policy, TaskState};
use longshore_scheduler::ServiceError;
use std::time::Duration;

use crate::support::World;

#[tokio::test]
async fn a_paused_type_is_accepted_and_not_started_in_any_process() {
    let world = World::new();
    let (one, other) = (world.process("one", 4), world.process("other", 4));
    for process in [&one, &other] {
        process.load("second", Policy::default());
    }
    let running = one.submit("job", "wait").await;
    assert_eq!(one.claim().await, 1);
    let job = "job".parse().unwrap();
    assert!(other.service.pause(&job).await.unwrap());
    let waiting = one.submit("job", "complete").await;
    one.submit("second", "complete").await;
    assert_eq!(one.claim().await, 1, "of the other type");
    assert_eq!(other.claim().await, 0);
    let status = one.status(waiting).await;
    assert_eq!(status.task.state, TaskState::Queued);
    let why = status.waiting.unwrap();
    assert!(why.starts_with("paused: ") && why.contains("longshore resume job"), "{why}");
    one.let_one_go();
    one.dispatcher.idle().await;
    assert_eq!(one.status(running).await.task.state, TaskState::Completed, "what runs goes on");
    assert!(!one.service.has_work(Duration::ZERO).await.unwrap(), "nobody stays for what is paused");

    assert!(one.service.resume(&job).await.unwrap());
    assert!(one.service.has_work(Duration::ZERO).await.unwrap());
    assert_eq!(other.claim_and_run().await, 1);
    assert_eq!(one.status(waiting).await.task.state, TaskState::Completed);
}

#[tokio::test]
async fn only_a_type_that_is_known_is_paused() {
    let world = World::new();
    let process = world.process("one", 0);
    let refused = process.service.pause(&"jib".parse().unwrap()).await.unwrap_err();
    assert!(matches!(&refused, ServiceError::UnknownJobType { available, .. } if available == &["job"]));
    let id = process.submit("job", "complete").await;
    process.unload_all();
    assert!(process.service.pause(&"job".parse().unwrap()).await.unwrap(), "its jobs are there");
    process.service.cancel(&Owner::local(), id).await.unwrap();
    assert!(process.service.resume(&"job".parse().unwrap()).await.unwrap());
}
