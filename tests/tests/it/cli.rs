//! The command line, as people and scripts use it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::{Era, Project, guest, sha256};

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

#[test]
fn who_asks_for_json_is_told_of_errors_in_json() {
    let project = Project::with_guests(&[], "");
    let unknown = "7b0c2f5e-1a52-4d0e-9c53-6c1f4a0f3b11";
    for (arguments, code, exit) in [
        (&["task", "show", unknown, "--json"][..], "job_not_found", 1),
        (&["run", "nothing", "--json"], "unknown_job_type", 1),
        (&["run", "nothing", "--payload", "{", "--json"], "usage", 2),
        (&["task", "list", "--nonsense", "--json"], "usage", 2),
        (&["plugin", "inspect", "nothing", "--json"], "missing", 1),
        (&["task", "list", "--json", "-C", "nowhere"], "no_project", 1),
    ] {
        let output = project.longshore(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let told: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!(told["error"]["code"], code, "{told}");
        assert!(!told["error"]["message"].as_str().unwrap().is_empty(), "{told}");
    }
}

#[test]
fn a_file_that_is_not_accepted_is_not_run_to_be_looked_at() {
    let (file, digest) = (guest("probe"), sha256(&guest("probe")));
    let inspect = ["plugin", "inspect", file.to_str().unwrap(), "--json"];
    let project = Project::with_guests(&[], "[plugins]\naccept = []\n");
    let output = project.longshore(&inspect);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"]["code"], "untrusted", "{told}");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("\"sha256:{digest}\"")) && message.contains("`accept`"), "{message}");

    let project = Project::with_guests(&[], &format!("[plugins]\naccept = [\"sha256:{digest}\"]\n"));
    assert_eq!(project.json(&inspect)["name"], "probe");
    let project = Project::with_guests(&[], "");
    assert_eq!(project.json(&inspect)["name"], "probe", "a project without `accept` takes what it is given");
}

/// An operator had moved the data away. A look made a new database in its place, which said that there were no jobs and was in
/// the way of what was moved back.
#[test]
fn who_only_looks_makes_no_database() {
    let project = Project::with_shop();
    for look in [&["task", "list"][..], &["plugin", "list"], &["outbox", "list"], &["schedule", "list"]] {
        let output = project.longshore(look);
        assert!(output.status.success(), "{look:?}");
        assert!(!project.path("data").exists(), "{look:?}");
        let says_so = String::from_utf8(output.stderr).unwrap().contains("there is no database at");
        assert_eq!(says_so, look != ["plugin", "list"], "{look:?}");
    }
}

#[test]
fn what_jobs_keep_is_for_nobody_else() {
    let project = Project::with_shop();
    let run = ["run", "export", "--payload", r#"{"table": "suppliers", "format": "csv"}"#];
    assert!(project.longshore(&run).status.success());
    let mode = fs::metadata(project.path("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
