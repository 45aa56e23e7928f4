//! The command line, as people and scripts use it.

use std::fs;

use serde_json::json;

use crate::support::{Era, Project, sha256};

#[test]
fn init_is_deterministic_and_overwrites_nothing() {
    let (one, two) = (Project::with_shop(), Project::with_shop());
    for file in [
        "longshore.toml",
        "shop.db",
        "plugins/export.wasm",
        "plugins/export.toml",
        "plugins/bulk_invoice.wasm",
    ] {
        assert_eq!(sha256(&one.path(file)), sha256(&two.path(file)), "{file} differs");
    }
    fs::write(one.path("longshore.toml"), "# mine\n").unwrap();
    assert!(!one.longshore(&["init", "."]).status.success());
    assert_eq!(fs::read_to_string(one.path("longshore.toml")).unwrap(), "# mine\n");
}

#[test]
fn run_runs_one_job_and_says_where_the_files_are() {
    let project = Project::with_shop();
    let payload = r#"{"table": "branches", "format": "csv"}"#;
    let status = project.json(&["run", "export", "--payload", payload, "--json"]);
    assert_eq!(status["status"], "completed");
    let path = status["artifacts"][0]["path"].as_str().unwrap();
    assert!(fs::read_to_string(path).unwrap().contains("DEL"));

    fs::write(project.path("payload.json"), payload).unwrap();
    let output = project.longshore(&["run", "export", "--payload", "@payload.json"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("branches.csv"));

    let output = project.longshore(&["run", "export", "--payload", r#"{"table": 5}"#]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/table"), "the field is named");
}

#[test]
fn tasks_can_be_seen_and_cancelled_from_another_process() {
    let project = Project::with_guests(&["steps"], "");
    project.add_guest("spin", "[limits]\nfuel = 1000000000000000\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("spin", json!({}));
    client.until(&id, |status| status["status"] == "running");
    let listed = project.json(&["task", "list", "--json"]);
    assert!(listed.to_string().contains(&id), "{listed}");
    project.json(&["task", "cancel", &id, "--json"]);
    assert_eq!(client.ended(&id)["status"], "cancelled");
    let shown = project.json(&["task", "show", &id, "--json"]);
    assert_eq!(shown["status"], "cancelled");
}

#[test]
fn a_mistake_is_told_with_what_to_do() {
    let project = Project::with_guests(&[], "[wroker]\nconcurrency = 5\n");
    let output = project.longshore(&["task", "list"]);
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("wroker") && error.contains("longshore.toml"), "{error}");
}
