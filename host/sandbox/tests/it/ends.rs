//! How an attempt ends: well, by its own fault, by a limit.

use longshore_domain::{Code, RunOutcome};
use serde_json::json;

use crate::support::{Bed, assert_failure, completed, failed};

#[tokio::test]
async fn a_trivial_job_completes_and_is_metered() {
    let bed = Bed::new();
    let report = bed.run("trivial", &json!({})).await;
    assert_eq!(completed(&report), "{}");
    assert!(report.usage.fuel > 0 && report.usage.fuel < 100_000, "{:?}", report.usage);
    assert!(report.usage.memory_bytes >= 64 * 1024, "{:?}", report.usage);
    assert!(report.artifacts.is_empty() && report.messages.is_empty());
    // Nothing was written anywhere.
    assert_eq!(std::fs::read_dir(&bed.files.folder).unwrap().count(), 0);
    assert!(bed.log().is_empty());
}

#[tokio::test]
async fn fuel_runs_out() {
    let mut bed = Bed::new();
    bed.policy.limits.fuel = 50_000_000;
    let report = bed.run("spin", &json!({})).await;
    assert_eq!(report.usage.fuel, 50_000_000);
    assert_failure(&failed(report), Code::OutOfFuel, &["50000000", "limits.fuel", "spin.toml"]);
}

#[tokio::test]
async fn a_spinning_job_times_out_and_its_fuel_is_known() {
    let mut bed = Bed::new();
    bed.policy.limits.timeout_ms = 100;
    bed.policy.limits.fuel = u64::MAX / 4;
    let report = bed.run("spin", &json!({})).await;
    assert!(report.usage.fuel > 1_000, "{:?}", report.usage);
    let failure = failed(report);
    assert_failure(&failure, Code::Timeout, &["100", "limits.timeout_ms", "spin.toml"]);
    assert!(failure.detail.unwrap().contains("spin"), "a backtrace says where it was");
}

#[tokio::test]
async fn a_sleeping_job_times_out_within_its_host_call() {
    let mut bed = Bed::new();
    bed.policy.limits.timeout_ms = 100;
    let begin = std::time::Instant::now();
    let report = bed.run("sleeper", &json!({"ms": 60_000, "soundly": true})).await;
    assert!(begin.elapsed().as_secs() < 30);
    assert_failure(&failed(report), Code::Timeout, &["100", "limits.timeout_ms"]);
}

#[tokio::test]
async fn memory_runs_out() {
    let mut bed = Bed::new();
    bed.policy.limits.memory_bytes_max = 32 << 20;
    let report = bed.run("hog", &json!({})).await;
    assert!(
        report.usage.memory_bytes <= 32 << 20 && report.usage.memory_bytes > 16 << 20,
        "{:?}",
        report.usage
    );
    assert_failure(&failed(report), Code::OutOfMemory, &["33554432", "limits.memory_bytes_max", "hog.toml"]);
}

#[tokio::test]
async fn a_component_that_is_too_large_to_start_is_out_of_memory() {
    let bed = Bed::new();
    let job = bed.job("trivial").await;
    let mut small = (*job).clone();
    small.policy.limits.memory_bytes_max = 64 * 1024;
    let small = std::sync::Arc::new(small);
    let request = crate::support::request(&small, &json!({}), 1, None, &std::sync::Arc::default());
    assert_failure(&failed(job.program.run(request).await), Code::OutOfMemory, &["65536"]);
}

#[tokio::test]
async fn a_refused_growth_that_the_job_survives_is_no_failure() {
    let mut bed = Bed::new();
    bed.policy.limits.memory_bytes_max = 32 << 20;
    let answers =
        bed.probe(json!([{"try_memory": {"bytes": 100_000_000}}, {"try_memory": {"bytes": 1_000}}])).await;
    assert_eq!(answers, json!([false, true]));
}

#[tokio::test]
async fn a_panic_is_a_trap_with_its_message_and_a_backtrace() {
    let failure = failed(Bed::new().run("trap", &json!({})).await);
    assert_failure(&failure, Code::Trap, &["unreachable", "the floor is gone"]);
    assert!(failure.detail.unwrap().contains("fall"));
}

#[tokio::test]
async fn other_traps_say_what_they_are() {
    let bed = Bed::new();
    let failure = failed(bed.run("trap", &json!({"how": "overflow"})).await);
    assert_failure(&failure, Code::LimitExceeded, &["1048576 (limits.stack_bytes_max in trap.toml)"]);
    assert!(failure.detail.unwrap().lines().count() <= 32);
    let failure = failed(bed.run("trap", &json!({"how": "out_of_bounds"})).await);
    assert_failure(&failure, Code::Trap, &["out of bounds"]);
    let failure = failed(bed.run("trap", &json!({"how": "exit"})).await);
    assert_failure(&failure, Code::Trap, &["exited"]);
    // And the sandbox goes on.
    completed(&bed.run("trivial", &json!({})).await);
}

#[tokio::test]
async fn a_policy_says_how_deep_a_job_may_go() {
    let mut bed = Bed::new();
    for (depth, stack_bytes_max, may) in [
        (40_000, 1 << 20, false),
        (40_000, 16 << 20, true),
        (4_000, 1 << 20, true),
        (4_000, 64 << 10, false),
        (100, 64 << 10, true),
    ] {
        bed.policy.limits.stack_bytes_max = stack_bytes_max;
        let report = bed.run("trap", &json!({"how": "overflow", "depth": depth})).await;
        if may {
            completed(&report);
        } else {
            let named = format!("{stack_bytes_max} (limits.stack_bytes_max in trap.toml)");
            assert_failure(&failed(report), Code::LimitExceeded, &[&named]);
        }
    }
    // A stack of its own does not keep a job from being interrupted.
    bed.policy.limits.timeout_ms = 200;
    assert_failure(&failed(bed.run("spin", &json!({})).await), Code::Timeout, &["limits.timeout_ms"]);
}

#[tokio::test]
async fn a_job_says_itself_how_it_failed() {
    let bed = Bed::new();
    let fails =
        async |kind| bed.probe_fails(json!([{"fail": {"kind": kind, "message": "no such city"}}])).await;
    assert_failure(&fails("invalid_input").await, Code::InvalidInput, &["no such city"]);
    assert_failure(&fails("failed").await, Code::JobFailed, &["no such city"]);
    let retry = fails("retry").await;
    assert_failure(&retry, Code::JobRetry, &["no such city"]);
    assert_eq!(retry.retry_after, Some(std::time::Duration::from_millis(1_500)));
    assert_failure(&fails("cancelled").await, Code::JobFailed, &["nobody had told it"]);
    let silent = bed.probe_fails(json!([{"fail": {"kind": "failed", "message": " "}}])).await;
    assert_failure(&silent, Code::JobFailed, &["did not say why"]);
}

#[tokio::test]
async fn results_are_checked() {
    let mut bed = Bed::new();
    bed.policy.limits.result_bytes_max = 1_000;
    assert_failure(
        &bed.probe_fails(json!([{"answer": {"bytes": 2_000}}])).await,
        Code::LimitExceeded,
        &["2002", "1000", "limits.result_bytes_max"],
    );
    let answer = async |text: &str| bed.probe_fails(json!([{"answer": {"text": text}}])).await;
    assert_failure(&answer("{").await, Code::JobFailed, &["not JSON"]);
    // What would be text to some clients, and unreadable to others.
    assert_failure(&answer("[1e999]").await, Code::JobFailed, &["not JSON"]);
    let nested = "[".repeat(49) + &"]".repeat(49);
    assert_failure(&answer(&nested).await, Code::JobFailed, &["48 levels"]);
    assert_failure(&answer("7").await, Code::JobFailed, &["output schema", "array"]);
    assert_failure(&answer("[1, \"forbidden\"]").await, Code::JobFailed, &["output schema", "/1"]);
}

#[tokio::test]
async fn a_job_that_passes_too_much_in_one_call_is_ended() {
    let mut bed = Bed::new();
    bed.policy.limits.memory_bytes_max = 256 << 20;
    bed.policy.limits.artifact_bytes_max = 1 << 30;
    let failure = bed.probe_fails(json!([{"write": {"name": "a", "bytes": 60_000_000}}])).await;
    assert_failure(&failure, Code::LimitExceeded, &["one call"]);
}

#[tokio::test]
async fn more_guests_than_the_pool_holds_run_all_the_same() {
    let bed = Bed::with(|_, options| options.max_instances = 1);
    let job = bed.job("sleeper").await;
    let run = || {
        let request = crate::support::request(&job, &json!({"ms": 50}), 1, None, &std::sync::Arc::default());
        job.program.run(request)
    };
    let (a, b, c) = tokio::join!(run(), run(), run());
    for report in [a, b, c] {
        assert!(matches!(report.outcome, RunOutcome::Completed(_)), "{report:?}");
    }
}
