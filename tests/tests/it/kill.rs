//! `kill -9` in the middle of each job, then a new start: the same bytes as an undisturbed run, each message once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::jobs::spooled;
use crate::support::{Era, Project};

/// Digest of each artifact by its name.
fn digests(status: &Value) -> BTreeMap<String, String> {
    assert_eq!(status["status"], "completed", "{status}");
    let artifacts = status["artifacts"].as_array().unwrap();
    artifacts
        .iter()
        .map(|artifact| {
            let path = std::path::Path::new(artifact["path"].as_str().unwrap());
            assert_eq!(crate::support::sha256(path), artifact["sha256"].as_str().unwrap());
            (artifact["name"].as_str().unwrap().to_owned(), artifact["sha256"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Runs the job undisturbed, then again with a kill each time that progress has passed another of `kills`, and compares.
fn survives_kills(job_type: &str, payload: &Value, kills: &[u64]) {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Modern);
    let undisturbed = client.enqueue(job_type, payload.clone());
    let undisturbed = client.ended(&undisturbed);

    let id = client.enqueue(job_type, payload.clone());
    for &done in kills {
        client.until(&id, |status| {
            status["status"] == "running" && status["progress"]["done"].as_u64().is_some_and(|now| now > done)
        });
        client.kill();
        client = project.serve(Era::Modern);
    }
    let resumed = client.ended(&id);
    assert_eq!(digests(&resumed), digests(&undisturbed));
    assert_eq!(resumed["result"], undisturbed["result"]);
    assert_eq!(resumed["attempts"], kills.len() + 1, "{resumed}");
}

#[test]
fn bulk_invoice_resumes_to_the_same_zip() {
    survives_kills("bulk_invoice", &json!({"city": "Delhi", "month": "2026-03"}), &[300]);
}

#[test]
fn export_resumes_to_the_same_csv() {
    survives_kills("export", &json!({"table": "order_lines", "format": "csv"}), &[20_000]);
}

#[test]
fn export_resumes_to_the_same_compressed_lines() {
    let payload = json!({"table": "order_lines", "format": "jsonl", "compression": "gzip"});
    survives_kills("export", &payload, &[20_000]);
}

#[test]
fn export_resumes_to_the_same_parquet() {
    survives_kills("export", &json!({"table": "order_lines", "format": "parquet"}), &[20_000]);
}

#[test]
fn export_of_a_view_resumes_to_the_same_json() {
    survives_kills("export", &json!({"table": "order_summary", "format": "json"}), &[10_000]);
}

#[test]
fn notifications_are_delivered_once_each() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("notifications", json!({}));
    // No wait: the kill comes wherever the job is.
    client.kill();
    let mut client = project.serve(Era::Modern);
    let status = client.ended(&id);
    assert_eq!(status["status"], "completed", "{status}");
    let messages = spooled(&project, status["result"]["messages"].as_u64().unwrap() as usize);
    assert!(messages.values().all(|message| message["job_id"] == id.as_str()));
}
