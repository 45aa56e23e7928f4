//! Being told to stop.

use std::sync::Arc;
use std::time::Instant;

use longshore_domain::{RunOutcome, SaveAnswer, StopReason, StopSignal};
use serde_json::json;

use crate::support::{Bed, completed, request};

/// Runs a guest and tells it to stop once it has reported progress, or at once if it never does.
async fn stopped(bed: &Bed, name: &str, input: &serde_json::Value, reason: StopReason) -> RunOutcome {
    let stop = Arc::new(StopSignal::default());
    let job = bed.job(name).await;
    let request = request(&job, input, 1, None, &stop);
    let progress = Arc::clone(&request.progress);
    let run = tokio::spawn(async move { job.program.run(request).await });
    if name == "sleeper" {
        while progress.revision() == 0 {
            tokio::task::yield_now().await;
        }
    } else {
        tokio::task::yield_now().await;
    }
    stop.stop(reason);
    run.await.unwrap().outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_listens_stops_by_itself() {
    let bed = Bed::new();
    for reason in [StopReason::Cancelled, StopReason::Drain, StopReason::DeadlineExceeded] {
        let begin = Instant::now();
        assert_eq!(
            stopped(&bed, "sleeper", &json!({"ms": 60_000}), reason).await,
            RunOutcome::Stopped(reason)
        );
        assert!(begin.elapsed().as_millis() < 4_000, "it did not need its grace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_does_not_listen_is_interrupted_after_its_grace() {
    let mut bed = Bed::new();
    bed.policy.limits.cancel_grace_ms = 50;
    bed.policy.limits.fuel = u64::MAX / 4;
    for reason in [StopReason::Cancelled, StopReason::Drain] {
        let outcome = stopped(&bed, "sleeper", &json!({"ms": 60_000, "soundly": true}), reason).await;
        assert_eq!(outcome, RunOutcome::Interrupted(reason));
    }
    // It never reports, so it may be told to stop before it begins.
    let outcome = stopped(&bed, "spin", &json!({}), StopReason::Cancelled).await;
    let (interrupted, not_begun) =
        (RunOutcome::Interrupted(StopReason::Cancelled), RunOutcome::Stopped(StopReason::Cancelled));
    assert!(outcome == interrupted || outcome == not_begun, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_lost_its_lease_gets_no_grace() {
    let mut bed = Bed::new();
    bed.policy.limits.cancel_grace_ms = 60_000;
    bed.policy.limits.fuel = u64::MAX / 4;
    for (guest, input) in [("spin", json!({})), ("sleeper", json!({"ms": 60_000, "soundly": true}))] {
        let begin = Instant::now();
        let outcome = stopped(&bed, guest, &input, StopReason::Fenced).await;
        assert_eq!(outcome, RunOutcome::Stopped(StopReason::Fenced));
        assert!(begin.elapsed().as_secs() < 20, "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_the_lease_overrides_a_grace_that_has_begun() {
    let mut bed = Bed::new();
    bed.policy.limits.cancel_grace_ms = 60_000;
    let stop = Arc::new(StopSignal::default());
    let job = bed.job("sleeper").await;
    let request = request(&job, &json!({"ms": 60_000, "soundly": true}), 1, None, &stop);
    let run = tokio::spawn(async move { job.program.run(request).await });
    stop.stop(StopReason::Drain);
    tokio::task::yield_now().await;
    stop.stop(StopReason::Fenced);
    assert_eq!(run.await.unwrap().outcome, RunOutcome::Stopped(StopReason::Fenced));
}

#[tokio::test]
async fn a_job_that_completes_although_it_was_told_to_stop_has_completed() {
    let bed = Bed::new();
    let stop = Arc::new(StopSignal::default());
    stop.stop(StopReason::Drain);
    let report = bed.run_attempt("trivial", &json!({}), 1, None, &stop).await;
    assert_eq!(completed(&report), "{}");
    stop.stop(StopReason::Fenced);
    let report = bed.run_attempt("trivial", &json!({}), 1, None, &stop).await;
    assert_eq!(report.outcome, RunOutcome::Stopped(StopReason::Fenced));
}

#[tokio::test]
async fn a_save_tells_of_a_cancel_that_the_store_knows_of() {
    let bed = Bed::new();
    *bed.store.answer.lock().unwrap() = Some(Ok(SaveAnswer::Saved { cancel_requested: true }));
    let report = bed.run("steps", &json!({"steps": 5})).await;
    assert_eq!(report.outcome, RunOutcome::Stopped(StopReason::Cancelled));
    assert_eq!(bed.store.saves.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_save_that_is_fenced_ends_the_attempt() {
    let bed = Bed::new();
    *bed.store.answer.lock().unwrap() = Some(Ok(SaveAnswer::Fenced));
    let report = bed.run("steps", &json!({"steps": 5})).await;
    assert_eq!(report.outcome, RunOutcome::Stopped(StopReason::Fenced));
}
