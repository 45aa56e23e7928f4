//! What an operator does to many jobs at once: pause a type, cancel and retry by options.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Era, Project};

/// Submits so many jobs, for nobody to run.
fn enqueue(project: &Project, job_type: &str, count: usize) -> Vec<String> {
    let one = |_| {
        let payload = r#"{"ms": 1}"#;
        let status = project.json(&["run", job_type, "--payload", payload, "--detach", "--json"]);
        status["job_id"].as_str().unwrap().to_owned()
    };
    (0..count).map(one).collect()
}

fn project(guests: &[&str]) -> Project {
    Project::with_guests(guests, "[worker]\nstay_behind = false\n")
}

#[test]
fn a_paused_type_waits_and_everybody_shows_it() {
    let project = project(&["trivial"]);
    let paused = project.json(&["pause", "trivial", "--json"]);
    assert!(paused["paused_since"].is_string(), "{paused}");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("trivial", json!({}));
    let status = client.tool("check_job_status", json!({"job_id": id, "wait_seconds": 1}));
    assert_eq!(status["status"], "queued");
    assert!(status["waiting_reason"].as_str().unwrap().starts_with("paused: "), "{status}");
    assert!(status["next"].as_str().unwrap().contains("paused"), "{status}");
    let types = client.tool("list_job_types", json!({}));
    assert!(types["job_types"][0]["paused_since"].is_string(), "{types}");
    let listed = project.json(&["plugin", "list", "--json"]);
    assert_eq!(listed["plugins"][0]["state"], "paused", "{listed}");
    let findings = project.json(&["doctor", "--json"])["findings"].to_string();
    assert!(findings.contains("job_type_paused") && findings.contains("1 wait for that"), "{findings}");

    assert_eq!(project.json(&["resume", "trivial", "--json"])["was_paused"], true);
    assert_eq!(client.ended(&id)["status"], "completed");
    let types = client.tool("list_job_types", json!({}));
    assert!(types["job_types"][0].get("paused_since").is_none(), "{types}");
}

#[test]
fn a_type_that_nobody_knows_is_not_paused() {
    let project = project(&["trivial"]);
    let output = project.longshore(&["pause", "trival", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"]["code"], "unknown_job_type", "{told}");
}

#[test]
fn many_jobs_are_counted_before_they_are_cancelled() {
    let project = project(&["trivial", "sleeper"]);
    let (cancelled, kept) = (enqueue(&project, "trivial", 3), enqueue(&project, "sleeper", 1));
    for wrong in [&["task", "cancel"][..], &["task", "retry"], &["task", "cancel", "--status", "completed"]] {
        assert_eq!(project.longshore(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let cancel = ["task", "cancel", "--job-type", "trivial", "--since", "1h"];
    let output = project.longshore(&cancel);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("3 jobs would be cancelled") && told.contains("--yes"), "{told}");
    let state = |id: &str| project.json(&["task", "show", id, "--json"])["status"].clone();
    assert_eq!(state(&cancelled[0]), "queued");

    let sure = [&cancel[..], &["--yes", "--json"]].concat();
    let done = project.json(&sure);
    assert_eq!((&done["matched"], &done["cancelled"]), (&json!(3), &json!(3)), "{done}");
    assert!(cancelled.iter().all(|id| state(id) == "cancelled"));
    assert_eq!(state(&kept[0]), "queued");
    assert_eq!(project.json(&sure)["matched"], 0);

    // What was cancelled was so on purpose, and comes back only when that is asked for.
    let retry = ["task", "retry", "--job-type", "trivial", "--yes", "--json"];
    assert_eq!(project.json(&retry)["matched"], 0);
    let again = project.json(&[&retry[..], &["--status", "cancelled"]].concat());
    assert_eq!((&again["matched"], &again["retried"]), (&json!(3), &json!(3)), "{again}");
    assert!(cancelled.iter().all(|id| state(id) == "queued"));
}

#[test]
fn jobs_are_chosen_by_what_failed_them_and_when() {
    let project = project(&["trap", "trivial"]);
    fs::write(project.path("plugins/trap.toml"), "[retry]\nmax_attempts = 1\n").unwrap();
    let output = project.longshore(&["run", "trap", "--json"]);
    let failed: Value = serde_json::from_slice(&output.stdout).unwrap();
    project.json(&["run", "trivial", "--json"]);
    let listed = |options: &[&str]| {
        let list = project.json(&[&["task", "list", "--json"][..], options].concat());
        list["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--code", "trap"]), [failed["job_id"].clone()]);
    assert!(listed(&["--code", "timeout"]).is_empty());
    assert_eq!(listed(&["--since", "1h"]).len(), 2);
    assert!(listed(&["--until", "2026-01-01"]).is_empty());
    assert!(listed(&["--schedule", "nightly"]).is_empty());
    let output = project.longshore(&["task", "list", "--since", "yesterday"]);
    assert_eq!(output.status.code(), Some(2));
    let retried = project.json(&["task", "retry", "--code", "trap", "--yes", "--json"]);
    assert_eq!(retried["retried"], 1, "{retried}");
}
