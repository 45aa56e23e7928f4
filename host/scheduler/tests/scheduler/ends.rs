//! What the log says of ends: one line each, by the process that recorded it.

use std::time::Duration;

use longshore_domain::{Code, Owner, Policy, RetryPolicy, TaskId};
use longshore_scheduler::{ENDS_TARGET, SubmitRequest};
use serde_json::json;

use crate::log::{Line, Log};
use crate::support::{LEASE, Process, World};

/// The lines of ends since the last call.
fn ends(log: &Log) -> Vec<Line> {
    log.take().into_iter().filter(|line| line.target == ENDS_TARGET).collect()
}

/// Level, message and a few fields of the only line.
fn only(log: &Log, id: TaskId) -> (String, String, String) {
    let lines = ends(log);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["job_id"], id.to_string());
    assert_eq!(line["job_type"], "job");
    assert!(!line["run_ms"].is_empty(), "{line:?}");
    (line.level.clone(), line["message"].clone(), line["code"].clone())
}

fn told(level: &str, message: &str, code: &str) -> (String, String, String) {
    (level.into(), message.into(), code.into())
}

async fn until_idle(process: &Process) {
    process.claim().await;
    process.dispatcher.idle().await;
}

#[tokio::test]
async fn each_end_of_an_attempt_is_one_line_at_its_level() {
    let (log, world) = (Log::start(), World::new());
    let process = world.process("one", 4);
    for (script, expected) in [
        ("complete", told("INFO", "job completed", "")),
        ("fail", told("ERROR", "job failed", "job_failed")),
        ("retry", told("WARN", "attempt failed, another follows", "job_retry")),
        ("panic", told("WARN", "attempt failed, another follows", "host_error")),
        ("no_room_once", told("INFO", "attempt given back", "")),
    ] {
        let id = process.submit("job", script).await;
        until_idle(&process).await;
        assert_eq!(only(&log, id), expected, "{script}");
        // So that nothing of it runs again beside the next.
        process.service.cancel(&Owner::local(), id).await.unwrap();
        log.take();
        world.clock.advance(Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_line_has_how_long_the_job_waited_and_ran() {
    let (log, world) = (Log::start(), World::new());
    let process = world.process("one", 1);
    process.submit("job", "wait").await;
    world.clock.advance(Duration::from_millis(700));
    process.claim().await;
    world.clock.advance(Duration::from_millis(40));
    process.let_one_go();
    process.dispatcher.idle().await;
    let lines = ends(&log);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let figures = ["attempt", "queued_ms", "run_ms", "state"].map(|field| line[field].as_str());
    assert_eq!(figures, ["1", "700", "40", "completed"]);
}

#[tokio::test]
async fn a_job_that_ends_while_it_waits_is_one_line() {
    let (log, world) = (Log::start(), World::new());
    let process = world.process("one", 0);
    let id = process.submit("job", "complete").await;
    process.service.cancel(&Owner::local(), id).await.unwrap();
    assert_eq!(only(&log, id), told("INFO", "job cancelled", ""));
    process.service.cancel(&Owner::local(), id).await.unwrap();
    assert!(ends(&log).is_empty(), "it had ended before");

    let request = SubmitRequest {
        job_type: "job".into(),
        payload: json!({}),
        max_wait: Some(Duration::from_secs(5)),
        ..SubmitRequest::default()
    };
    let id = process.submit_request(request).await;
    world.clock.advance(Duration::from_secs(6));
    let other = world.process("other", 0);
    for process in [&process, &other] {
        process.sweeper.tick(process.parts.clock.now()).await.unwrap();
    }
    assert_eq!(only(&log, id), told("ERROR", "job failed", Code::DeadlineExceeded.as_str()));
}

#[tokio::test]
async fn a_running_job_that_is_cancelled_is_one_line_once_it_ends() {
    let (log, world) = (Log::start(), World::new());
    let process = world.process("one", 1);
    let id = process.submit("job", "wait").await;
    process.claim().await;
    process.service.cancel(&Owner::local(), id).await.unwrap();
    process.dispatcher.idle().await;
    assert_eq!(only(&log, id), told("INFO", "job cancelled", ""));
}

#[tokio::test]
async fn a_lost_attempt_is_one_line_and_so_is_the_end_of_its_job() {
    let (log, world) = (Log::start(), World::new());
    let lost = world.process("lost", 1);
    let other = world.process("other", 1);
    let retry = RetryPolicy { max_attempts: 2, ..RetryPolicy::default() };
    for process in [&lost, &other] {
        process.load("job", Policy { retry: retry.clone(), ..Policy::default() });
    }
    let id = lost.submit("job", "wait").await;
    for expected in [
        told("WARN", "attempt lost, another follows", "worker_lost"),
        told("ERROR", "job failed", "worker_lost"),
    ] {
        lost.claim().await;
        world.clock.advance(LEASE + Duration::from_millis(1));
        for process in [&other, &lost] {
            process.sweeper.tick(process.parts.clock.now()).await.unwrap();
        }
        assert_eq!(only(&log, id), expected);
        lost.dispatcher.heartbeat(lost.parts.clock.now()).await.unwrap();
        lost.dispatcher.idle().await;
        assert!(ends(&log).is_empty(), "who lost it records nothing");
    }
}

#[tokio::test]
async fn what_a_process_gives_back_at_its_end_is_one_line() {
    let (log, world) = (Log::start(), World::new());
    let process = world.process("one", 2);
    let id = process.submit("job", "wait").await;
    process.claim().await;
    process.dispatcher.drain(process.parts.clock.now(), Duration::ZERO).await;
    process.dispatcher.idle().await;
    assert_eq!(only(&log, id), told("INFO", "attempt given back", ""));
}
