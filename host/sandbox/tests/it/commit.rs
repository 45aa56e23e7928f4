//! The commit rule: what is saved, what is not, and what a resumed attempt finds.

use std::sync::Arc;

use longshore_domain::{Code, RunOutcome, StoreError};
use serde_json::json;

use crate::support::{Bed, assert_failure, completed, failed};

fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.policy.grants.outbox = vec!["email".into()];
    bed
}

#[tokio::test]
async fn a_save_commits_state_progress_artifacts_and_messages_together() {
    let bed = bed();
    let report = bed.run("steps", &json!({"steps": 3, "artifact": "log.txt", "messages": "email"})).await;
    assert_eq!(completed(&report), r#"{"steps":3}"#);
    let saves = bed.store.saves.lock().unwrap();
    assert_eq!(saves.len(), 3);
    for (index, save) in saves.iter().enumerate() {
        let done = index as u64 + 1;
        assert_eq!(save.state, format!(r#"{{"done":{done}}}"#).into_bytes());
        assert_eq!((save.progress.done, save.progress.total), (done, Some(3)));
        assert_eq!(save.artifacts[0].bytes, 7 * done, "{:?}", save.artifacts);
        let keys: Vec<&str> = save.messages.iter().map(|message| message.key.as_str()).collect();
        assert_eq!(keys, [format!("step-{index}")]);
    }
    assert_eq!(report.artifacts[0].sha256.as_deref(), Some("sealed"));
    assert!(report.messages.is_empty(), "all were saved");
    assert_eq!(report.progress.message, "step 3");
}

#[tokio::test]
async fn a_resumed_attempt_goes_on_from_the_last_save() {
    let bed = bed();
    let input = json!({"steps": 5, "fail_at": 2, "artifact": "log.txt", "messages": "email"});
    let first = bed.run("steps", &input).await;
    assert!(first.artifacts.is_empty() && first.messages.is_empty());
    assert_failure(&failed(first), Code::JobRetry, &["step 2 fails"]);
    let unsaved = std::fs::read_to_string(bed.files.folder.join("1/log.txt")).unwrap_or_default();
    assert!(unsaved.starts_with("step 0\nstep 1\n"), "{unsaved}");

    let report = bed.run_attempt("steps", &input, 2, bed.checkpoint(1), &Arc::default()).await;
    assert_eq!(completed(&report), r#"{"steps":5}"#);
    let text = std::fs::read_to_string(bed.files.folder.join("2/log.txt")).unwrap();
    assert_eq!(text, "step 0\nstep 1\nstep 2\nstep 3\nstep 4\n");
    assert!(!bed.files.folder.join("1").exists(), "what the first attempt left is gone after the first save");
    let keys = bed.store.sent.lock().unwrap().keys.clone();
    assert_eq!(keys, ["step-0", "step-1", "step-2", "step-3", "step-4"]);
    assert_eq!(bed.log(), ["attempt 1 begins at step 0", "attempt 2 begins at step 2"]);
}

#[tokio::test]
async fn artifacts_of_an_earlier_save_belong_to_a_job_that_opens_none() {
    let bed = bed();
    let input = json!({"steps": 2, "artifact": "log.txt"});
    completed(&bed.run("steps", &input).await);
    let report = bed.run_attempt("steps", &json!({"steps": 3}), 2, bed.checkpoint(1), &Arc::default()).await;
    completed(&report);
    assert_eq!(report.artifacts.len(), 1);
    assert_eq!(bed.store.saves.lock().unwrap().last().unwrap().artifacts[0].bytes, 14);
}

#[tokio::test]
async fn messages_after_the_last_save_come_with_the_end() {
    let bed = bed();
    let calls = json!([
        {"send": {"channel": "email", "key": "a"}},
        {"save": {"bytes": 10}},
        {"send": {"channel": "email", "key": "b"}},
        {"send": {"channel": "email", "key": "a"}},
        {"send": {"channel": "email", "key": ""}},
        {"send": {"channel": "email", "key": "c", "subject": "x\r\nBcc: y"}}
    ]);
    let report = bed.run("probe", &json!({"calls": calls})).await;
    let answers: serde_json::Value = serde_json::from_str(&completed(&report)).unwrap();
    let codes: Vec<_> = answers.as_array().unwrap().iter().map(|answer| &answer["code"]).collect();
    assert_eq!(
        (&answers[0], &answers[1], &answers[2], &codes[3..]),
        (
            &json!(null),
            &json!("proceed"),
            &json!(null),
            &[&json!("duplicate_key"), &json!("invalid_message"), &json!("invalid_message")][..]
        )
    );
    assert_eq!(report.messages.iter().map(|m| m.key.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn keys_of_earlier_attempts_are_known() {
    let bed = bed();
    let input = json!({"calls": [{"send": {"channel": "email", "key": "a"}}, {"save": {"bytes": 1}}]});
    completed(&bed.run("probe", &input).await);
    let report = bed.run_attempt("probe", &input, 2, bed.checkpoint(1), &Arc::default()).await;
    let answers: serde_json::Value = serde_json::from_str(&completed(&report)).unwrap();
    assert_eq!((&answers[0]["code"], &answers[1]), (&json!("duplicate_key"), &json!("proceed")));
}

#[tokio::test]
async fn a_state_is_loaded_as_it_was_saved() {
    let bed = bed();
    let calls = json!([{"load": {}}, {"save": {"bytes": 1_000}}, {"load": {}}, {"task": {}}]);
    let answers = bed.probe(calls.clone()).await;
    assert_eq!(answers[0], json!(null));
    assert_eq!(answers[2], json!(1_000));
    assert_eq!(answers[3]["resumed_from"], json!(null));
    let report =
        bed.run_attempt("probe", &json!({"calls": calls}), 4, bed.checkpoint(1), &Arc::default()).await;
    let answers: serde_json::Value = serde_json::from_str(&completed(&report)).unwrap();
    assert_eq!(answers[0], json!(1_000));
    assert_eq!((&answers[3]["resumed_from"], &answers[3]["attempt"]), (&json!(1), &json!(4)));
}

#[tokio::test]
async fn a_store_that_fails_is_the_hosts_failure() {
    let bed = bed();
    *bed.store.answer.lock().unwrap() = Some(Err(StoreError::Broken("disk I/O error".into())));
    let report = bed.run("steps", &json!({"steps": 1})).await;
    assert_failure(&failed(report), Code::HostError, &["checkpoint", "disk I/O error"]);
}

#[tokio::test]
async fn a_full_disk_says_so() {
    let bed = bed();
    *bed.files.full.lock().unwrap() = true;
    let report = bed.run("steps", &json!({"steps": 1, "artifact": "log.txt"})).await;
    assert_failure(&failed(report), Code::StorageFull, &["the disk is full"]);
    assert_eq!(*bed.files.abandoned.lock().unwrap(), [1], "nothing of it stays in the way");
}

#[tokio::test]
async fn an_attempt_that_fails_reports_nothing_to_commit() {
    let bed = bed();
    let calls = json!([
        {"write": {"name": "a.txt", "bytes": 10}},
        {"send": {"channel": "email", "key": "a"}},
        {"fail": {"kind": "failed", "message": "no"}}
    ]);
    let report = bed.run("probe", &json!({"calls": calls})).await;
    assert!(matches!(report.outcome, RunOutcome::Failed(_)));
    assert!(report.artifacts.is_empty() && report.messages.is_empty());
}
