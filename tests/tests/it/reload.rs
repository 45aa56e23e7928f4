//! Plugins come, change and go while the host runs.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, Era, Project, guest};

/// Asks until the answer is as wanted; a plugin is taken within a second, a debug build is given more.
fn eventually(client: &mut Client, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let types = client.tool("list_job_types", json!({}));
        if wanted(&types) {
            return types;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} did not happen: {types}");
    }
}

fn tools(client: &mut Client) -> Vec<String> {
    let result = client.request("tools/list", json!({}));
    result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn problem<'a>(types: &'a Value, file: &str) -> &'a Value {
    types["problems"].as_array().unwrap().iter().find(|p| p["file"] == file).unwrap_or(&Value::Null)
}

#[test]
fn a_plugin_that_is_dropped_in_is_a_tool_and_one_that_is_removed_is_none() {
    let project = Project::with_guests(&["trivial"], "");
    let mut client = project.serve(Era::Legacy);
    assert!(!tools(&mut client).contains(&"steps".to_owned()));
    project.add_guest("steps", "");
    client.notification("notifications/tools/list_changed");
    assert!(tools(&mut client).contains(&"steps".to_owned()));
    let result = client.call("steps", json!({"steps": 1}));
    assert_ne!(result["isError"], true, "{result}");

    fs::remove_file(project.path("plugins/steps.wasm")).unwrap();
    client.notification("notifications/tools/list_changed");
    assert!(!tools(&mut client).contains(&"steps".to_owned()));
}

#[test]
fn a_queued_job_waits_for_its_plugin_and_says_so() {
    let project = Project::with_guests(&["trivial", "steps"], "");
    let mut client = project.serve(Era::Modern);
    let delayed =
        client.tool("enqueue_job", json!({"job_type": "steps", "payload": {"steps": 1}, "delay_seconds": 1}));
    let id = delayed["job_id"].as_str().unwrap().to_owned();
    fs::remove_file(project.path("plugins/steps.wasm")).unwrap();
    eventually(&mut client, "the withdrawal", |types| !types["job_types"].to_string().contains("steps"));
    let waiting =
        client.until(&id, |status| status["status"] == "queued" && status["waiting_reason"].is_string());
    assert!(waiting["waiting_reason"].as_str().unwrap().contains("plugin_missing"), "{waiting}");
    project.add_guest("steps", "");
    assert_eq!(client.ended(&id)["status"], "completed");
}

#[test]
fn bad_files_never_displace_a_good_version_and_the_reason_is_shown() {
    let project = Project::with_guests(&["steps"], "");
    let mut client = project.serve(Era::Modern);
    eventually(&mut client, "the first load", |types| types["job_types"].to_string().contains("steps"));
    let good = fs::read(guest("steps")).unwrap();
    let core_module = b"\0asm\x01\0\0\0".to_vec();
    for (what, bytes) in [
        ("garbage", b"this is not WebAssembly".to_vec()),
        ("a truncated copy", good[..good.len() / 2].to_vec()),
        ("a core module", core_module),
        ("a component of another name", fs::read(guest("trivial")).unwrap()),
        ("a component with a broken schema", fs::read(guest("bad_schema")).unwrap()),
        ("an empty file", Vec::new()),
    ] {
        project.add_component("steps", &bytes, "");
        let types = eventually(&mut client, what, |types| !problem(types, "steps.wasm").is_null());
        let shown = problem(&types, "steps.wasm").clone();
        assert!(!shown["message"].as_str().unwrap().is_empty(), "{what}: {shown}");
        assert!(shown["serving_version"].is_string(), "{what} displaced the good version: {shown}");
        let id = client.enqueue("steps", json!({"steps": 1}));
        assert_eq!(client.ended(&id)["status"], "completed", "after {what}");
        let list = project.json(&["plugin", "list", "--wait", "--json"]);
        assert!(list.to_string().contains(shown["code"].as_str().unwrap()), "{what}: {list}");
        project.add_component("steps", &good, "");
        eventually(&mut client, "the recovery", |types| problem(types, "steps.wasm").is_null());
    }
}

#[test]
fn a_plugin_that_asks_for_more_than_it_is_granted_is_blocked_with_the_line_to_add() {
    let project = Project::with_shop();
    fs::write(project.path("plugins/export.toml"), "").unwrap();
    let mut client = project.serve(Era::Modern);
    let types = client.tool("list_job_types", json!({}));
    let shown = problem(&types, "export.wasm");
    assert_eq!(shown["code"], "blocked", "{types}");
    assert!(shown["message"].as_str().unwrap().contains("data = ["), "{shown}");
    fs::write(project.path("plugins/export.toml"), "[grants]\ndata = [\"shop\"]\n").unwrap();
    eventually(&mut client, "the grant", |types| problem(types, "export.wasm").is_null());
}

#[test]
fn a_running_attempt_ends_on_the_version_it_began_with() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_guest("spin", "[limits]\nfuel = 1000000000000000\n");
    let mut client = project.serve(Era::Legacy);
    let id = client.enqueue("spin", json!({}));
    client.until(&id, |status| status["status"] == "running");
    // Another section at the end makes another component of the same meaning.
    let mut bytes = fs::read(guest("spin")).unwrap();
    bytes.extend_from_slice(&[0, 5, 4, b'n', b'o', b't', b'e']);
    project.add_component("spin", &bytes, "");
    client.notification("notifications/tools/list_changed");
    let next = client.enqueue("spin", json!({}));
    client.until(&next, |status| status["status"] == "running");
    client.tool("cancel_job", json!({"job_id": id}));
    client.tool("cancel_job", json!({"job_id": next}));
    client.ended(&id);
    client.ended(&next);
    let sha =
        |id: &str| project.json(&["task", "show", id, "--json"])["attempt_history"][0]["component"].clone();
    assert!(sha(&id).is_string());
    assert_ne!(sha(&id), sha(&next));
}
