//! What becomes of finished tasks and their files.

use std::fs;
use std::time::Duration;

use longshore_domain::{Owner, Policy, TaskState};
use longshore_scheduler::{Pruner, ServiceError};

use crate::support::World;

const KEPT: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_finished_task_goes_with_its_files_when_its_time_is_over() {
    let world = World::new();
    let process = world.process("one", 1);
    process.load("job", Policy { ttl_ms: KEPT.as_millis() as u64, ..Policy::default() });
    let pruner = Pruner::new(process.parts.clone());
    let id = process.submit("job", "complete").await;
    process.claim_and_run().await;
    let artifact = process.parts.files.path(id, "report.csv");
    fs::create_dir_all(artifact.parent().unwrap()).unwrap();
    fs::write(&artifact, "1,2").unwrap();

    world.clock.advance(KEPT.saturating_sub(MOMENT));
    assert_eq!(pruner.tick(process.parts.clock.now()).await.unwrap(), 0);
    assert_eq!(process.status(id).await.task.state, TaskState::Completed);
    world.clock.advance(MOMENT);
    assert_eq!(pruner.tick(process.parts.clock.now()).await.unwrap(), 1);
    let gone = process.service.status(&Owner::local(), id).await.unwrap_err();
    assert!(matches!(gone, ServiceError::NotFound { .. }), "{gone}");
    assert!(!artifact.parent().unwrap().exists(), "its files are still there");
}

#[tokio::test]
async fn files_that_a_lost_process_left_are_deleted_by_the_next() {
    let world = World::new();
    let process = world.process("one", 1);
    process.load("job", Policy { ttl_ms: 0, ..Policy::default() });
    let id = process.submit("job", "fail").await;
    process.claim_and_run().await;
    let work = world.folder(&format!("work/{id}"));
    fs::create_dir_all(&work).unwrap();
    // Lost between forgetting the task and deleting its files.
    assert_eq!(process.parts.store.prune(process.parts.clock.now(), 10).await.unwrap(), 1);

    let next = world.process("two", 1);
    Pruner::new(next.parts.clone()).tick(next.parts.clock.now()).await.unwrap();
    assert!(!work.exists(), "its files are still there");
    assert!(next.parts.store.pruned(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn however_many_are_due_all_of_them_go() {
    let world = World::new();
    let process = world.process("one", 50);
    process.load("job", Policy { ttl_ms: 0, ..Policy::default() });
    for _ in 0..50 {
        process.submit("job", "complete").await;
    }
    process.claim_and_run().await;
    let pruner = Pruner::new(process.parts.clone());
    assert_eq!(pruner.tick(process.parts.clock.now()).await.unwrap(), 50);
}
