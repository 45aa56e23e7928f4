//! Claiming, running, retrying, cancelling.

use std::time::Duration;

use longshore_domain::{
    AlertPolicy, BreakerPolicy, CancelAnswer, Code, MessageFilter, Owner, Policy, RateLimit, RetryPolicy,
    TaskState,
};
use longshore_scheduler::{ServiceError, SubmitRequest};
use serde_json::json;

use crate::support::{World, count};

#[tokio::test]
async fn a_task_runs_to_its_end() {
    let world = World::new();
    let process = world.process("one", 4);
    let id = process.submit("job", "complete").await;
    assert_eq!(process.status(id).await.task.state, TaskState::Queued);
    assert_eq!(process.claim_and_run().await, 1);
    let status = process.status(id).await;
    assert_eq!(status.task.state, TaskState::Completed);
    assert_eq!(status.task.result.as_deref(), Some("{}"));
    assert_eq!(status.poll_after_ms, 0);
}

#[tokio::test]
async fn a_transient_failure_waits_out_its_backoff() {
    let world = World::new();
    let process = world.process("one", 4);
    let id = process.submit("job", "retry_once").await;
    process.claim_and_run().await;
    let status = process.status(id).await;
    assert_eq!(status.task.state, TaskState::Scheduled);
    assert!(status.waiting.unwrap().contains("not yet"));
    assert_eq!(process.sweeper.promote(process.parts.clock.now()).await.unwrap(), 0);

    world.clock.advance(Duration::from_secs(1));
    assert_eq!(process.sweeper.promote(process.parts.clock.now()).await.unwrap(), 1);
    process.claim_and_run().await;
    let status = process.status(id).await;
    assert_eq!((status.task.state, status.task.attempts), (TaskState::Completed, 2));
}

#[tokio::test]
async fn attempts_are_used_up_and_a_retry_on_request_begins_anew() {
    let world = World::new();
    let process = world.process("one", 4);
    let retry = RetryPolicy { max_attempts: 2, min_backoff_ms: 10, ..RetryPolicy::default() };
    process.load("job", Policy { retry, ..Policy::default() });
    let id = process.submit("job", "retry").await;
    for round in 1..=2 {
        for _ in 0..2 {
            process.sweeper.promote(process.parts.clock.now()).await.unwrap();
            process.claim_and_run().await;
            world.clock.advance(Duration::from_secs(1));
        }
        let task = process.status(id).await.task;
        assert_eq!(task.state, TaskState::Failed);
        assert_eq!(task.failure.unwrap().code, Code::JobRetry);
        assert_eq!(task.attempts, round * 2);
        process.service.retry(&Owner::local(), id).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_type_for_which_there_was_no_room_rests_and_others_go_on() {
    let world = World::new();
    let process = world.process("one", 4);
    process.load("other", Policy::default());
    let id = process.submit("job", "no_room_once").await;
    assert_eq!(process.claim_and_run().await, 1);
    assert_eq!(process.status(id).await.task.state, TaskState::Queued);
    process.submit("other", "complete").await;
    assert_eq!(process.claim_and_run().await, 1, "of the other job type only");
    assert_eq!(process.status(id).await.task.state, TaskState::Queued);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(process.claim_and_run().await, 1);
    assert_eq!(process.status(id).await.task.state, TaskState::Completed);
}

#[tokio::test]
async fn slots_and_concurrency_are_limits() {
    let world = World::new();
    let process = world.process("one", 3);
    process.load("single", Policy { concurrency: Some(1), ..Policy::default() });
    for _ in 0..3 {
        process.submit("single", "wait").await;
        process.submit("job", "wait").await;
    }
    assert_eq!(process.claim().await, 3, "three slots");
    let page = process
        .service
        .list(longshore_domain::TaskFilter { limit: 10, ..longshore_domain::TaskFilter::default() })
        .await
        .unwrap();
    let running = page.tasks.iter().filter(|task| task.state == TaskState::Running);
    let by_type = count(running.map(|task| task.job_type.as_str().to_owned()));
    assert_eq!(by_type.get("single"), Some(&1));
    assert_eq!(by_type.get("job"), Some(&2));
    assert_eq!(process.claim().await, 0, "no free slot");
}

#[tokio::test]
async fn slow_jobs_of_one_type_leave_a_slot_to_others() {
    let world = World::new();
    let process = world.process("one", 16);
    for name in ["second", "third"] {
        process.load(name, Policy::default());
    }
    for _ in 0..90 {
        process.submit("job", "wait").await;
    }
    assert_eq!(process.claim().await, 14, "two are kept for the other two types");
    assert_eq!(process.claim().await, 0);
    let probe = process.submit("second", "complete").await;
    assert_eq!(process.claim().await, 1);
    while process.parts.running.len() > 14 {
        tokio::task::yield_now().await;
    }
    assert_eq!(process.status(probe).await.task.state, TaskState::Completed);
    process.submit("second", "wait").await;
    process.submit("second", "wait").await;
    process.submit("third", "wait").await;
    assert_eq!(process.claim().await, 2, "one of each");
    assert_eq!(process.claim().await, 0, "all slots are taken");
}

#[tokio::test]
async fn a_type_that_is_alone_has_every_slot() {
    let world = World::new();
    let process = world.process("one", 16);
    for _ in 0..36 {
        process.submit("job", "wait").await;
    }
    assert_eq!(process.claim().await, 16);
    // A paused type starts nothing, so nothing is kept for it.
    let other = world.process("other", 16);
    other.load("second", Policy::default());
    other.service.pause(&"second".parse().unwrap()).await.unwrap();
    assert_eq!(other.claim().await, 16);
}

#[tokio::test]
async fn more_types_than_slots_take_turns_and_one_slot_is_used() {
    for slots in [1, 4] {
        let world = World::new();
        let process = world.process("one", slots);
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d", "e", "f"] {
            process.load(name, Policy::default());
            for _ in 0..2 {
                ids.push(process.submit(name, "complete").await);
            }
        }
        let mut rounds = 0;
        while process.claim_and_run().await > 0 {
            rounds += 1;
        }
        assert!(rounds >= 12 / slots && rounds <= 24 / slots, "{rounds} rounds with {slots} slots");
        for id in ids {
            assert_eq!(process.status(id).await.task.state, TaskState::Completed);
        }
    }
}

#[tokio::test]
async fn two_processes_keep_slots_each_for_what_it_does_not_run() {
    let world = World::new();
    let (one, other) = (world.process("one", 4), world.process("other", 4));
    for process in [&one, &other] {
        process.load("single", Policy { concurrency: Some(1), ..Policy::default() });
    }
    for _ in 0..9 {
        one.submit("job", "wait").await;
    }
    one.submit("single", "wait").await;
    one.submit("single", "wait").await;
    assert_eq!(one.claim().await, 4, "three jobs and the single one");
    assert_eq!(other.claim().await, 3, "a slot is kept for the other single one");
    one.let_one_go();
    while one.parts.running.len() > 3 {
        tokio::task::yield_now().await;
    }
    let begun = one.claim().await + other.claim().await;
    assert_eq!(begun, 1, "one of whichever type ended");
}

#[tokio::test]
async fn a_waiting_task_is_cancelled_at_once_and_a_running_one_is_told() {
    let world = World::new();
    let process = world.process("one", 1);
    let running = process.submit("job", "wait").await;
    let waiting = process.submit("job", "wait").await;
    process.claim().await;
    let owner = Owner::local();
    assert_eq!(process.service.cancel(&owner, waiting).await.unwrap(), CancelAnswer::Cancelled);
    assert_eq!(process.service.cancel(&owner, running).await.unwrap(), CancelAnswer::Requested);
    process.dispatcher.idle().await;
    for id in [running, waiting] {
        assert_eq!(process.status(id).await.task.state, TaskState::Cancelled);
        assert_eq!(
            process.service.cancel(&owner, id).await.unwrap(),
            CancelAnswer::AlreadyTerminal(TaskState::Cancelled)
        );
    }
}

#[tokio::test]
async fn a_cancel_through_another_process_is_seen() {
    let world = World::new();
    let (worker, front) = (world.process("worker", 1), world.process("front", 0));
    let id = front.submit("job", "wait").await;
    worker.claim().await;
    front.service.cancel(&Owner::local(), id).await.unwrap();
    worker.dispatcher.stop_unwanted(worker.parts.clock.now()).await.unwrap();
    worker.dispatcher.idle().await;
    assert_eq!(front.status(id).await.task.state, TaskState::Cancelled);
}

#[tokio::test]
async fn a_task_without_its_plugin_waits_and_says_so() {
    let world = World::new();
    let process = world.process("one", 1);
    let id = process.submit("job", "complete").await;
    process.unload_all();
    assert_eq!(process.claim().await, 0);
    let status = process.status(id).await;
    assert_eq!(status.task.state, TaskState::Queued);
    assert!(status.waiting.unwrap().starts_with("plugin_missing"));
    process.load("job", Policy::default());
    process.claim_and_run().await;
    assert_eq!(process.status(id).await.task.state, TaskState::Completed);
}

#[tokio::test]
async fn a_task_that_outlives_its_deadline_fails_wherever_it_is() {
    let world = World::new();
    let process = world.process("one", 1);
    let request = SubmitRequest {
        job_type: "job".into(),
        payload: json!({"do": "wait"}),
        max_wait: Some(Duration::from_secs(5)),
        ..SubmitRequest::default()
    };
    let running = process.submit_request(request.clone()).await;
    let waiting = process.submit_request(request).await;
    process.claim().await;
    world.clock.advance(Duration::from_secs(6));
    process.dispatcher.stop_unwanted(process.parts.clock.now()).await.unwrap();
    process.dispatcher.idle().await;
    process.sweeper.tick(process.parts.clock.now()).await.unwrap();
    for id in [running, waiting] {
        let task = process.status(id).await.task;
        assert_eq!((task.state, task.failure.unwrap().code), (TaskState::Failed, Code::DeadlineExceeded));
    }
}

#[tokio::test]
async fn a_panic_of_the_host_ends_the_attempt_and_nothing_else() {
    let world = World::new();
    let process = world.process("one", 1);
    let id = process.submit("job", "panic").await;
    process.claim_and_run().await;
    let task = process.status(id).await.task;
    assert_eq!(task.failure.unwrap().code, Code::HostError);
    let next = process.submit("job", "complete").await;
    process.claim_and_run().await;
    assert_eq!(process.status(next).await.task.state, TaskState::Completed);
}

#[tokio::test]
async fn whoever_waits_is_told_of_the_end() {
    let world = World::new();
    let process = world.process("one", 1);
    let id = process.submit("job", "wait").await;
    process.claim().await;
    let service = process.service.clone();
    let waiter = tokio::spawn(async move {
        service.wait_for_end(&Owner::local(), id, Duration::from_secs(60)).await.unwrap()
    });
    tokio::task::yield_now().await;
    process.let_one_go();
    assert_eq!(waiter.await.unwrap().task.state, TaskState::Completed);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new();
    let process = world.process("one", 1);
    let ask = |request: SubmitRequest| async {
        process.service.submit(&Owner::local(), request).await.map(|_| ()).unwrap_err()
    };
    let good = || SubmitRequest { job_type: "job".into(), payload: json!({}), ..SubmitRequest::default() };
    let error = ask(SubmitRequest { job_type: "jib".into(), ..good() }).await;
    assert!(
        matches!(&error, ServiceError::UnknownJobType { available, .. } if available == &["job"]),
        "{error}"
    );
    let error = ask(SubmitRequest { payload: json!([]), ..good() }).await;
    assert_eq!((error.code(), error.violations().len()), ("invalid_input", 1));
    let error = ask(SubmitRequest { payload: json!({"x": "y".repeat(2 << 20)}), ..good() }).await;
    assert_eq!(error.code(), "payload_too_large");
    let error = ask(SubmitRequest { priority: 101, ..good() }).await;
    assert_eq!(error.code(), "invalid_arguments");
    let error = ask(SubmitRequest { idempotency_key: Some(String::new()), ..good() }).await;
    assert_eq!(error.code(), "invalid_arguments");
}

#[tokio::test]
async fn a_rate_limit_spreads_starts_and_says_when_the_next_comes() {
    let world = World::new();
    let process = world.process("one", 50);
    let rate = RateLimit::new(2.0, 1);
    process.load("slow", Policy { rate, ..Policy::default() });
    for _ in 0..3 {
        process.submit("slow", "complete").await;
    }
    let until_next = async || process.dispatcher.until_next_start(process.parts.clock.now()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(process.claim_and_run().await, 1);
        assert_eq!(until_next().await, Some(Duration::from_millis(500)));
        world.clock.advance(Duration::from_millis(499));
        assert_eq!(process.claim_and_run().await, 0);
        world.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(process.claim_and_run().await, 1);
    assert_eq!(until_next().await, None, "nothing waits any more");
}

#[tokio::test]
async fn a_policy_bounds_how_long_a_caller_may_let_a_task_wait() {
    let world = World::new();
    let process = world.process("one", 1);
    process.load("bounded", Policy { max_wait_ms: Some(10_000), ..Policy::default() });
    let now = process.parts.clock.now();
    for (asked, bound) in [(None, 10), (Some(60), 10), (Some(3), 3)] {
        let id = process
            .submit_request(SubmitRequest {
                job_type: "bounded".into(),
                payload: json!({}),
                max_wait: asked.map(Duration::from_secs),
                ..SubmitRequest::default()
            })
            .await;
        let deadline = process.status(id).await.task.deadline_at;
        assert_eq!(deadline, Some(now.after(Duration::from_secs(bound))), "asked for {asked:?}");
    }
}

#[tokio::test]
async fn a_job_type_that_fails_too_often_is_paused_and_tried_again() {
    let world = World::new();
    let (one, other) = (world.process("one", 50), world.process("other", 50));
    let breaker = BreakerPolicy { min_attempts: 4, open_ms: 10_000, ..BreakerPolicy::default() };
    for process in [&one, &other] {
        process.load("flaky", Policy { breaker: Some(breaker.clone()), ..Policy::default() });
    }
    for _ in 0..4 {
        one.submit("flaky", "fail").await;
    }
    let waiting = one.submit("job", "wait").await;
    assert_eq!(one.claim().await, 5);
    while one.status(waiting).await.task.state != TaskState::Running || one.parts.running.len() > 1 {
        tokio::task::yield_now().await;
    }

    // Whoever asks, new work is refused with the time to come back; other job types do not notice.
    let request =
        || SubmitRequest { job_type: "flaky".into(), payload: json!({}), ..SubmitRequest::default() };
    let refused = other.service.submit(&Owner::local(), request()).await.unwrap_err();
    let ServiceError::CircuitOpen { retry_after, .. } = refused else { panic!("{refused}") };
    assert_eq!((retry_after, refused.code()), (Duration::from_secs(10), "circuit_open"));
    other.submit("job", "complete").await;
    assert_eq!(other.claim_and_run().await, 1);

    // After the pause one attempt at a time is let through, and its end decides.
    world.clock.advance(Duration::from_secs(10));
    let probes = [other.submit("flaky", "complete").await, other.submit("flaky", "complete").await];
    assert_eq!(other.claim_and_run().await, 1);
    assert_eq!(other.status(probes[0]).await.task.state, TaskState::Completed);
    other.submit("flaky", "complete").await;
    assert_eq!(other.claim_and_run().await, 2, "it is closed again");
}

/// Failures are told once they are too many: a message of the task that was one too many, delivered like any other.
#[tokio::test]
async fn too_many_failures_of_a_job_type_are_told() {
    let world = World::new();
    let process = world.process("one", 10);
    let alert = AlertPolicy {
        min_attempts: 3,
        channel: Some("email".into()),
        recipient: "ops@shop.example".into(),
        ..AlertPolicy::default()
    };
    process.load("flaky", Policy { alert: Some(alert), ..Policy::default() });
    process.submit("flaky", "complete").await;
    for _ in 0..4 {
        process.submit("flaky", "fail").await;
    }
    assert_eq!(process.claim_and_run().await, 5);
    let filter = MessageFilter { limit: 10, ..MessageFilter::default() };
    let messages = process.parts.store.list_messages(filter).await.unwrap().messages;
    let [told] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(told.message.recipient, "ops@shop.example");
    assert!(told.message.subject.ends_with("attempts of flaky failed"), "{}", told.message.subject);
}

/// Asking for the next start of a rate limit is no turn: with it counted, one of two job types would always be first.
#[tokio::test]
async fn job_types_are_first_in_turn_beside_a_rate_limit() {
    let world = World::new();
    let process = world.process("one", 1);
    process.load("limited", Policy { rate: RateLimit::new(1_000.0, 100), ..Policy::default() });
    let mut ids = Vec::new();
    for job_type in ["job", "limited"] {
        for _ in 0..2 {
            ids.push((job_type, process.submit(job_type, "complete").await));
        }
    }
    let now = process.parts.clock.now();
    for _ in 0..2 {
        assert_eq!(process.claim_and_run().await, 1);
        process.dispatcher.until_next_start(now).await.unwrap();
    }
    let mut ended = Vec::new();
    for (job_type, id) in ids {
        if process.status(id).await.task.state == TaskState::Completed {
            ended.push(job_type);
        }
    }
    assert_eq!(ended, ["job", "limited"]);
}
