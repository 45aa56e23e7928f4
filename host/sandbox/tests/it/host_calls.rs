//! What a guest may ask of the host, and where that ends.

use longshore_domain::Code;
use serde_json::json;

use crate::support::{Bed, NOW, assert_failure};

#[tokio::test]
async fn a_job_knows_its_task() {
    let mut bed = Bed::new();
    bed.policy.limits.timeout_ms = 60_000;
    let answers = bed.probe(json!([{"task": {}}])).await;
    assert_eq!(
        answers[0],
        json!({
            "id": "07070707-0707-0707-0707-070707070707",
            "job_type": "probe",
            "attempt": 1,
            "created_at_ms": NOW.ms(),
            "deadline_ms": NOW.ms() + 60_000,
            "resumed_from": null
        })
    );
}

#[tokio::test]
async fn reaching_for_what_is_not_granted_ends_the_attempt() {
    let mut bed = Bed::new();
    bed.policy.grants.data = vec!["crm".into()];
    let failure = bed.probe_fails(json!([{"send": {"channel": "email", "key": "a"}}])).await;
    assert_failure(
        &failure,
        Code::PermissionDenied,
        &["`outbox = [\"email\"]` under [grants] in probe.toml"],
    );
    let query = json!([{"query": {"source": "shop", "sql": "SELECT 1", "max_rows": 1, "packed": false}}]);
    let failure = bed.probe_fails(query).await;
    assert_failure(
        &failure,
        Code::PermissionDenied,
        &["`data = [\"crm\", \"shop\"]` under [grants] in probe.toml"],
    );
}

#[tokio::test]
async fn what_is_granted_but_not_there_is_told_to_the_job() {
    let mut bed = Bed::with(|folder, options| {
        options.sources.insert("gone".into(), folder.join("gone.db"));
        std::fs::write(folder.join("text.db"), "this is no database, but a text of some length").unwrap();
        options.sources.insert("text".into(), folder.join("text.db"));
        std::fs::create_dir(folder.join("folder.db")).unwrap();
        options.sources.insert("folder".into(), folder.join("folder.db"));
    });
    bed.policy.grants.data = vec!["nowhere".into(), "gone".into(), "text".into(), "folder".into()];
    bed.policy.grants.outbox = vec!["pigeon".into()];
    let query =
        |source| json!({"query": {"source": source, "sql": "SELECT 1", "max_rows": 1, "packed": true}});
    let send = json!({"send": {"channel": "pigeon", "key": "a"}});
    let answers = bed
        .probe(
            json!([query("nowhere"), query("gone"), query("text"), query("folder"), send, {"sources": {}}]),
        )
        .await;
    let folder = bed.folder.path().to_str().unwrap();
    for answer in &answers.as_array().unwrap()[..4] {
        assert_eq!(answer["code"], "source_unavailable", "{answer}");
        assert!(!answer.to_string().contains(folder), "where files are is nothing for a job: {answer}");
    }
    assert_eq!(answers[4]["code"], "invalid_message");
    assert_eq!(answers[5], json!(["folder", "gone", "nowhere", "text"]));
}

#[tokio::test]
async fn names_of_artifacts_are_checked() {
    let bed = Bed::new();
    let open = |name: &str| json!({"open": {"name": name}});
    let answers = bed.probe(json!([open("../x"), open(".x"), open(""), open("a b.csv")])).await;
    assert_eq!(answers, json!(["invalid_name", "invalid_name", "invalid_name", 0]));
}

#[tokio::test]
async fn writes_reach_the_file_in_order() {
    let bed = Bed::new();
    let write = |name, bytes, times| json!({"write": {"name": name, "bytes": bytes, "times": times}});
    let calls = json!([write("a", 100_000, 7), write("b", 10, 1), write("a", 1, 3), {"save": {"bytes": 1}}]);
    assert_eq!(bed.probe(calls).await, json!([700_000, 10, 700_003, "proceed"]));
    assert_eq!(std::fs::metadata(bed.files.folder.join("1/a")).unwrap().len(), 700_003);
    let saved = bed.store.saves.lock().unwrap()[0].artifacts.clone();
    assert_eq!(saved.iter().map(|a| a.bytes).collect::<Vec<_>>(), [700_003, 10]);
}

#[tokio::test]
async fn limits_name_themselves() {
    let mut bed = Bed::new();
    bed.policy.grants.outbox = vec!["email".into()];
    let limits = &mut bed.policy.limits;
    limits.artifacts_max = 2;
    limits.artifact_bytes_max = 1_000;
    limits.messages_max = 2;
    limits.message_bytes_max = 500;
    limits.unsaved_message_bytes_max = 600;
    limits.all_message_bytes_max = 700;
    limits.random_bytes_max = 1_000;
    limits.call_bytes_max = 2_000;
    limits.result_bytes_max = 1_000;
    limits.checkpoint_bytes_max = 64;
    let open = |name: &str| json!({"open": {"name": name}});
    let send = |key: &str, bytes| json!({"send": {"channel": "email", "key": key, "body_bytes": bytes}});
    for (calls, parts) in [
        (json!([open("a"), open("a"), open("b"), open("c")]), ["2", "limits.artifacts_max"]),
        (
            json!([
                {"write": {"name": "a", "bytes": 600}},
                {"write": {"name": "b", "bytes": 600}}
            ]),
            ["1000", "limits.artifact_bytes_max"],
        ),
        (json!([send("a", 1), send("b", 1), send("c", 1)]), ["2", "limits.messages_max"]),
        (json!([send("a", 501)]), ["500", "limits.message_bytes_max"]),
        (json!([send("a", 400), send("b", 400)]), ["600", "limits.unsaved_message_bytes_max"]),
        (
            json!([send("a", 400), {"save": {"bytes": 1}}, send("b", 400)]),
            ["700", "limits.all_message_bytes_max"],
        ),
        (json!([{"save": {"bytes": 65}}]), ["64", "limits.checkpoint_bytes_max"]),
        (json!([{"save": {"bytes": 3_000}}]), ["2000", "limits.call_bytes_max"]),
        (json!([{"random": {"bytes": 1_001}}]), ["1000", "limits.random_bytes_max"]),
    ] {
        let bed = Bed { policy: bed.policy.clone(), ..Bed::new() };
        let failure = bed.probe_fails(calls).await;
        assert_failure(&failure, Code::LimitExceeded, &parts);
        assert!(failure.message.contains("probe.toml"));
    }
}

#[tokio::test]
async fn what_is_printed_and_logged_is_in_the_log() {
    let bed = Bed::new();
    bed.probe(json!([{"print": {"text": "one\ntwo"}}, {"log": {"lines": 1, "message": "three"}}])).await;
    let mut log = bed.log();
    log.sort();
    assert_eq!(log, ["one", "one", "three", "two", "two"]);
}

#[tokio::test]
async fn a_flood_of_lines_is_cut_and_says_so() {
    let mut bed = Bed::new();
    bed.policy.limits.log_bytes_max = 10_000;
    bed.probe(json!([{"log": {"lines": 50_000, "message": "x"}}])).await;
    let log = bed.log();
    assert!(log.len() < 400, "{}", log.len());
    assert!(log[log.len() - 2].contains("limits.log_bytes_max"));
    assert!(log[log.len() - 1].contains("lines were left out"));
}

#[tokio::test]
async fn progress_is_kept_and_cheap() {
    let bed = Bed::new();
    bed.probe(json!([{"reports": {"times": 100_000}}])).await;
    let report = bed
        .run(
            "probe",
            &json!({"calls": [
                {"report": {"done": 5, "message": "half\nway"}},
                {"report": {"done": 6, "message": ""}}
            ]}),
        )
        .await;
    assert_eq!((report.progress.done, report.progress.message.as_str()), (6, "half way"));
}

#[tokio::test]
async fn a_guest_gets_randomness() {
    assert_eq!(Bed::new().probe(json!([{"random": {"bytes": 100}}])).await, json!([100]));
}

#[tokio::test]
async fn wasi_is_empty_handed() {
    let answers = Bed::new().probe(json!([{"wasi": {}}])).await;
    let network = answers[0]["network"].as_str().unwrap().to_owned();
    assert_eq!(
        answers[0],
        json!({
            "environment": 0, "arguments": 0, "files": false, "writes": false, "network": network, "names": false,
            "clock": true
        })
    );
    assert!(network.contains("denied"), "{network}");
}

#[tokio::test]
async fn a_wasi_interface_that_is_not_there_may_be_imported_but_not_called() {
    let bed = Bed::new();
    crate::support::completed(&bed.run("wants_more", &json!({})).await);
    let failure = crate::support::failed(bed.run("wants_more", &json!({"call": true})).await);
    assert_failure(&failure, Code::PermissionDenied, &["wasi:keyvalue/store"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_job_that_goes_on_reach_the_store() {
    let bed = std::sync::Arc::new(Bed::new());
    let stop = std::sync::Arc::new(longshore_domain::StopSignal::default());
    let job = bed.job("probe").await;
    let calls =
        json!({"calls": [{"log": {"lines": 1, "message": "under way"}}, {"reports": {"times": u64::MAX}}]});
    let request = crate::support::request(&job, &calls, 1, None, &stop);
    let run = tokio::spawn(async move { job.program.run(request).await });
    while bed.log().is_empty() {
        assert!(!run.is_finished());
        tokio::task::yield_now().await;
    }
    stop.stop(longshore_domain::StopReason::Fenced);
    run.await.unwrap();
    assert_eq!(bed.log(), ["under way"]);
}
