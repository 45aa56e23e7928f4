//! Guests that misbehave end their own attempt, with a code and a message that names the limit; nobody else notices.

use serde_json::{Value, json};

use crate::support::{Era, Project};

fn failed(project: &Project, job_type: &str, payload: Value) -> Value {
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue(job_type, payload);
    let status = client.ended(&id);
    assert_eq!(status["status"], "failed", "{status}");
    // The host goes on.
    let good = client.enqueue("trivial", json!({}));
    assert_eq!(client.ended(&good)["status"], "completed");
    status["error"].clone()
}

fn assert_error(error: &Value, code: &str, names: &[&str]) {
    assert_eq!(error["code"], code, "{error}");
    for name in names {
        assert!(error["message"].as_str().unwrap().contains(name), "{name} is not named: {error}");
    }
}

const ONE_ATTEMPT: &str = "[retry]\nmax_attempts = 1\n";

#[test]
fn fuel_runs_out() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_guest("spin", &format!("{ONE_ATTEMPT}[limits]\nfuel = 50000000\n"));
    assert_error(&failed(&project, "spin", json!({})), "out_of_fuel", &["50000000", "fuel"]);
}

#[test]
fn an_attempt_times_out() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_guest("spin", &format!("{ONE_ATTEMPT}[limits]\nfuel = 1000000000000\ntimeout_ms = 300\n"));
    assert_error(&failed(&project, "spin", json!({})), "timeout", &["300", "timeout_ms"]);
}

#[test]
fn memory_is_bounded() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_guest("hog", &format!("{ONE_ATTEMPT}[limits]\nmemory_bytes_max = 33554432\n"));
    assert_error(&failed(&project, "hog", json!({})), "out_of_memory", &["33554432", "memory_bytes_max"]);
}

#[test]
fn a_trap_is_told() {
    let project = Project::with_guests(&["trivial", "trap"], "");
    assert_error(&failed(&project, "trap", json!({})), "trap", &[]);
}

#[test]
fn a_spinning_job_stalls_nobody() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_guest("spin", "[limits]\nfuel = 1000000000000000\n");
    let mut client = project.serve(Era::Modern);
    let spinners: Vec<String> = (0..4).map(|_| client.enqueue("spin", json!({}))).collect();
    for spinner in &spinners {
        client.until(spinner, |status| status["status"] == "running");
    }
    for _ in 0..20 {
        let id = client.enqueue("trivial", json!({}));
        assert_eq!(client.ended(&id)["status"], "completed");
    }
    for spinner in &spinners {
        client.tool("cancel_job", json!({"job_id": spinner}));
    }
    for spinner in &spinners {
        assert_eq!(client.ended(spinner)["status"], "cancelled");
    }
}
