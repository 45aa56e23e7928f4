//! What a lost or ending process leaves.

use std::time::Duration;

use longshore_domain::{
    AttemptRef, Clock as _, Code, Policy, Progress, RetryPolicy, Save, TaskState, WorkerLiveness as _,
};

use crate::support::{LEASE, World};

#[tokio::test]
async fn a_lost_worker_costs_one_attempt_and_not_the_task() {
    let world = World::new();
    let lost = world.process("lost", 1);
    let id = lost.submit("job", "wait").await;
    lost.claim().await;

    let other = world.process("other", 1);
    assert_eq!(
        other.sweeper.tick(other.parts.clock.now()).await.unwrap().recovered,
        0,
        "the lease still holds"
    );
    world.clock.advance(LEASE + Duration::from_millis(1));
    assert_eq!(other.sweeper.tick(other.parts.clock.now()).await.unwrap().recovered, 1);
    let told = tokio::time::timeout(Duration::from_secs(5), other.parts.hub.work()).await;
    assert!(told.is_ok(), "the dispatcher is told, and need not wait until it looks by itself");
    other.sweeper.promote(other.parts.clock.now()).await.unwrap();
    assert_eq!(other.claim().await, 1);
    other.let_one_go();
    other.dispatcher.idle().await;
    let task = other.status(id).await.task;
    assert_eq!((task.state, task.attempts), (TaskState::Completed, 2));

    // The first worker wakes up: what it does no longer counts.
    lost.dispatcher.heartbeat(lost.parts.clock.now()).await.unwrap();
    lost.dispatcher.idle().await;
    assert_eq!(other.status(id).await.task.attempts, 2);
    let history = other.service.attempts(&longshore_domain::Owner::local(), id).await.unwrap();
    let outcomes: Vec<_> = history.iter().map(|attempt| attempt.outcome.clone().unwrap()).collect();
    assert_eq!(outcomes, ["worker_lost", "completed"]);
}

#[tokio::test]
async fn a_process_that_gets_its_own_lost_task_again_stops_the_attempt_that_lost_it() {
    let world = World::new();
    let process = world.process("one", 2);
    let id = process.submit("job", "wait").await;
    process.claim().await;
    // It was asleep, and wakes up to find the lease expired.
    world.clock.advance(LEASE + Duration::from_millis(1));
    process.sweeper.tick(process.parts.clock.now()).await.unwrap();
    assert_eq!(process.claim().await, 1);
    process.submit("job", "wait").await;
    assert_eq!(process.claim().await, 0, "both attempts run, and there are two slots");

    process.dispatcher.heartbeat(process.parts.clock.now()).await.unwrap();
    while process.parts.running.len() > 1 {
        tokio::task::yield_now().await;
    }
    process.let_one_go();
    process.dispatcher.idle().await;
    let task = process.status(id).await.task;
    assert_eq!((task.state, task.attempts), (TaskState::Completed, 2));
}

#[tokio::test]
async fn a_renewed_lease_holds_for_as_long_as_its_worker_lives() {
    let world = World::new();
    let (worker, other) = (world.process("worker", 1), world.process("other", 1));
    worker.submit("job", "wait").await;
    worker.claim().await;
    for _ in 0..20 {
        world.clock.advance(LEASE / 3);
        worker.dispatcher.heartbeat(worker.parts.clock.now()).await.unwrap();
        assert_eq!(other.sweeper.tick(other.parts.clock.now()).await.unwrap().recovered, 0);
    }
}

#[tokio::test]
async fn a_task_that_kills_its_worker_each_time_is_given_up() {
    let world = World::new();
    let sweeping = world.process("sweeping", 0);
    let id = sweeping.submit("job", "wait").await;
    let mut deaths = 0;
    while sweeping.status(id).await.task.state != TaskState::Failed {
        let victim = world.process(&format!("victim {deaths}"), 1);
        sweeping.sweeper.promote(sweeping.parts.clock.now()).await.unwrap();
        deaths += victim.claim().await;
        world.clock.advance(Duration::from_secs(400));
        sweeping.sweeper.tick(sweeping.parts.clock.now()).await.unwrap();
        assert!(deaths <= 3, "max_attempts is 3");
    }
    assert_eq!(deaths, 3);
    let failure = sweeping.status(id).await.task.failure.unwrap();
    assert_eq!(failure.code, Code::WorkerLost);
    assert!(failure.message.contains("victim 2"), "{}", failure.message);
}

#[tokio::test]
async fn a_drain_gives_back_what_runs_and_does_not_count_it() {
    let world = World::new();
    let (ending, other) = (world.process("ending", 2), world.process("other", 2));
    let id = ending.submit("job", "wait").await;
    ending.claim().await;
    ending.dispatcher.drain(ending.parts.clock.now(), Duration::from_secs(5)).await;
    assert_eq!(other.status(id).await.task.state, TaskState::Queued, "at once, not when the lease expires");
    assert_eq!(ending.claim().await, 0, "a draining process claims nothing");
    other.claim().await;
    other.let_one_go();
    other.dispatcher.idle().await;
    assert_eq!(other.status(id).await.task.state, TaskState::Completed);
}

/// A host that has just started knows no policy yet: another than the job type's own would end the task, or run it again,
/// against its operator's will.
#[tokio::test]
async fn a_lost_attempt_is_judged_by_its_own_policy_or_waits_for_it() {
    let world = World::new();
    let once =
        Policy { retry: RetryPolicy { max_attempts: 1, ..RetryPolicy::default() }, ..Policy::default() };
    let lost = world.process("lost", 1);
    lost.load("once", once.clone());
    let id = lost.submit("once", "wait").await;
    lost.claim().await;

    let next = world.process("next", 1);
    world.clock.advance(LEASE + Duration::from_millis(1));
    assert_eq!(next.sweeper.tick(next.parts.clock.now()).await.unwrap().recovered, 0);
    assert_eq!(next.status(id).await.task.state, TaskState::Running);
    next.load("once", once);
    assert_eq!(next.sweeper.tick(next.parts.clock.now()).await.unwrap().recovered, 1);
    let task = next.status(id).await.task;
    assert_eq!((task.state, task.failure.unwrap().code), (TaskState::Failed, Code::WorkerLost));
}

/// It said `running` for ever, although nothing ran.
#[tokio::test]
async fn a_lost_attempt_whose_plugin_is_gone_waits_for_it_in_the_queue() {
    let world = World::new();
    let lost = world.process("lost", 1);
    lost.load("gone", Policy::default());
    let id = lost.submit("gone", "wait").await;
    lost.claim().await;

    let next = world.process("next", 1);
    world.clock.advance(LEASE + Duration::from_secs(31));
    assert_eq!(next.sweeper.tick(next.parts.clock.now()).await.unwrap().recovered, 1);
    let status = next.status(id).await;
    assert_eq!(status.task.state, TaskState::Queued);
    assert!(status.waiting.unwrap().starts_with("plugin_missing"));
    next.load("gone", Policy::default());
    assert_eq!(next.claim().await, 1);
}

#[tokio::test]
async fn a_lost_attempt_whose_time_is_over_ends_as_its_deadline_says_with_or_without_its_plugin() {
    let world = World::new();
    let lost = world.process("lost", 1);
    lost.load("gone", Policy { max_wait_ms: Some(5_000), ..Policy::default() });
    let id = lost.submit("gone", "wait").await;
    lost.claim().await;

    let next = world.process("next", 1);
    world.clock.advance(LEASE + Duration::from_secs(5));
    assert_eq!(next.sweeper.tick(next.parts.clock.now()).await.unwrap().recovered, 1);
    let task = next.status(id).await.task;
    assert_eq!((task.state, task.failure.unwrap().code), (TaskState::Failed, Code::DeadlineExceeded));
    let history = next.service.attempts(&longshore_domain::Owner::local(), id).await.unwrap();
    assert_eq!(history[0].outcome.as_deref(), Some("worker_lost"));
}

#[tokio::test]
async fn what_a_process_held_that_ended_is_recovered_at_once() {
    let world = World::new();
    let (ended, other) = (world.process("ended", 2), world.process("other", 2));
    let ids = [ended.submit("job", "wait").await, ended.submit("job", "wait").await];
    assert_eq!(ended.claim().await, 2);
    let recover = async || other.sweeper.recover_gone(other.parts.clock.now()).await.unwrap();
    assert_eq!(recover().await, 0, "it lives");
    world.gone.add("ended");
    assert_eq!(recover().await, 2);
    assert!(world.gone.gone().is_empty(), "nothing is left of it");
    for id in ids {
        assert_eq!(other.status(id).await.task.state, TaskState::Queued);
    }
    assert_eq!(other.claim().await, 2);
    // A late word of the first, were it alive after all, changes nothing.
    ended.let_one_go();
    ended.dispatcher.heartbeat(ended.parts.clock.now()).await.unwrap();
    assert_eq!(other.status(ids[0]).await.task.state, TaskState::Running);
    world.gone.add("ended");
    assert_eq!(recover().await, 0, "what another holds by now is not its own");
}

/// Otherwise its successor would not know the policy by which the loss is judged.
#[tokio::test]
async fn a_process_that_ended_is_known_until_its_plugins_are() {
    let world = World::new();
    let ended = world.process("ended", 1);
    ended.load("once", Policy::default());
    ended.submit("once", "wait").await;
    ended.claim().await;
    world.gone.add("ended");
    let next = world.process("next", 1);
    assert_eq!(next.sweeper.recover_gone(next.parts.clock.now()).await.unwrap(), 0);
    assert_eq!(world.gone.gone().len(), 1);
    next.load("once", Policy::default());
    assert_eq!(next.sweeper.recover_gone(next.parts.clock.now()).await.unwrap(), 1);
    assert!(world.gone.gone().is_empty());
}

/// Three kills failed every job for good that ran in them, however much it had done.
#[tokio::test]
async fn a_task_that_saves_is_lost_as_often_as_it_may_be() {
    let world = World::new();
    let other = world.process("other", 0);
    let id = other.submit("job", "wait").await;
    let lose = async |number: u32, saves: bool| {
        let name = format!("victim {number}");
        let victim = world.process(&name, 1);
        assert_eq!(victim.claim().await, 1, "it is queued at once");
        if saves {
            let attempt = AttemptRef { task: id, number };
            let save = Save {
                at: world.clock.now(),
                state: vec![1],
                progress: Progress::default(),
                artifacts: Vec::new(),
                messages: Vec::new(),
            };
            victim.parts.store.save(attempt, save).await.unwrap();
        }
        world.gone.add(&name);
        assert_eq!(other.sweeper.recover_gone(world.clock.now()).await.unwrap(), 1);
    };
    for number in 1..=10 {
        lose(number, true).await;
    }
    // From here on it gets nowhere, so it comes to its end like any that ends its worker each time.
    for number in 11..=13 {
        lose(number, false).await;
        world.clock.advance(Duration::from_secs(400));
        other.sweeper.promote(world.clock.now()).await.unwrap();
    }
    let task = other.status(id).await.task;
    assert_eq!((task.state, task.attempts), (TaskState::Failed, 13));
    let history = other.service.attempts(&longshore_domain::Owner::local(), id).await.unwrap();
    let said = |number: usize| history[number - 1].message.clone().unwrap();
    assert!(said(10).ends_with("is not held against the job"), "{}", said(10));
    assert!(said(13).contains("had saved nothing"), "{}", said(13));
}

/// Kills in quick succession failed every job that ran, although none of them was to blame.
#[tokio::test]
async fn tasks_that_are_lost_together_are_not_given_up_for_it() {
    let world = World::new();
    let other = world.process("other", 0);
    let ids = [other.submit("job", "wait").await, other.submit("job", "wait").await];
    let lose = async |number: u32, slots: u32| {
        let name = format!("victim {number}");
        let victim = world.process(&name, slots);
        assert_eq!(victim.claim().await, slots);
        world.gone.add(&name);
        assert_eq!(other.sweeper.recover_gone(world.clock.now()).await.unwrap(), slots);
        world.clock.advance(Duration::from_secs(400));
        other.sweeper.promote(world.clock.now()).await.unwrap();
    };
    for number in 1..=8 {
        lose(number, 2).await;
    }
    for id in ids {
        assert_eq!(other.status(id).await.task.state, TaskState::Queued);
    }
    // One that is lost alone each time comes to its end.
    for number in 9..=11 {
        lose(number, 1).await;
    }
    let states = [other.status(ids[0]).await.task.state, other.status(ids[1]).await.task.state];
    assert_eq!(states, [TaskState::Failed, TaskState::Queued]);
}
