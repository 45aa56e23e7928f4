//! The same job as three kinds of client see it.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Era, Project};

#[test]
fn a_client_with_the_tasks_extension_gets_a_handle() {
    let project = Project::with_guests(&["trivial", "steps"], "");
    let mut client = project.serve(Era::Tasks);
    let handle = client.call("steps", json!({"steps": 3}));
    assert_eq!(handle["resultType"], "task");
    let id = handle["taskId"].as_str().unwrap().to_owned();
    for field in ["status", "createdAt", "lastUpdatedAt"] {
        assert!(handle[field].is_string(), "{field} is missing: {handle}");
    }
    client.ended(&id);
    let task = client.request("tasks/get", json!({"taskId": id}));
    assert_eq!(task["resultType"], "complete");
    assert_eq!(task["status"], "completed");
    assert_eq!(task["result"]["structuredContent"]["status"], "completed", "{task}");
}

#[test]
fn a_job_that_failed_is_a_completed_task_with_an_error_result() {
    let project = Project::with_guests(&["trivial", "trap"], "");
    let mut client = project.serve(Era::Tasks);
    let handle = client.call("trap", json!({}));
    let id = handle["taskId"].as_str().unwrap().to_owned();
    client.ended(&id);
    let task = client.request("tasks/get", json!({"taskId": id}));
    assert_eq!(task["status"], "completed");
    assert_eq!(task["result"]["isError"], true);
}

#[test]
fn everyone_else_gets_the_result_when_it_comes_soon() {
    for era in [Era::Modern, Era::Legacy] {
        let project = Project::with_guests(&["trivial"], "");
        let mut client = project.serve(era);
        let status = client.tool("trivial", json!({}));
        assert_eq!(status["status"], "completed", "{era:?}: {status}");
    }
}

#[test]
fn everyone_else_gets_a_handle_when_it_does_not() {
    let project = Project::with_guests(&["spin"], "[mcp]\nwait_seconds = 1\n");
    let mut client = project.serve(Era::Legacy);
    let status = client.tool("spin", json!({}));
    assert_eq!(status["status"], "running", "{status}");
    assert!(status["poll_after_ms"].as_u64().unwrap() >= 100);
    assert!(status.to_string().contains("check_job_status"), "it says what to call next: {status}");
    client.tool("cancel_job", json!({"job_id": status["job_id"]}));
    assert_eq!(client.ended(status["job_id"].as_str().unwrap())["status"], "cancelled");
}

#[test]
fn progress_goes_to_the_token_that_was_given() {
    let project = Project::with_guests(&["steps"], "");
    let mut client = project.serve(Era::Modern);
    let id = client.begin(
        "tools/call",
        json!({"name": "steps", "arguments": {"steps": 2000}, "_meta": {"progressToken": "here"}}),
    );
    client.answer(id);
    let told: Vec<f64> = client
        .notifications
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .inspect(|message| assert_eq!(message["params"]["progressToken"], "here"))
        .map(|message| message["params"]["progress"].as_f64().unwrap())
        .collect();
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "progress grows: {told:?}");
}

#[test]
fn the_host_ends_at_once_when_its_input_does_and_loses_nothing() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_guest("spin", "[limits]\nfuel = 1000000000000000\n");
    let mut client = project.serve(Era::Modern);
    let running = client.enqueue("spin", json!({}));
    client.until(&running, |status| status["status"] == "running");
    let waiting =
        client.tool("enqueue_job", json!({"job_type": "trivial", "payload": {}, "delay_seconds": 1}));
    let waiting = waiting["job_id"].as_str().unwrap().to_owned();
    client.begin("tools/call", json!({"name": "spin", "arguments": {}}));
    let (status, took) = client.close();
    assert!(status.success(), "{status}");
    assert!(took.as_secs() < 5, "it took {took:?}");

    let mut client = project.serve(Era::Modern);
    assert_eq!(client.ended(&waiting)["status"], "completed");
    client.until(&running, |status| status["status"] == "running");
}

#[test]
fn the_same_key_is_the_same_job() {
    let project = Project::with_guests(&["steps"], "");
    let mut client = project.serve(Era::Modern);
    let ask =
        |steps: u32| json!({"job_type": "steps", "payload": {"steps": steps}, "idempotency_key": "monday"});
    let first = client.tool("enqueue_job", ask(1));
    let again = client.tool("enqueue_job", ask(1));
    assert_eq!(first["job_id"], again["job_id"]);
    assert_eq!(again["deduplicated"], true);
    let error = client.tool_error("enqueue_job", ask(2));
    assert_eq!(error["code"], "idempotency_conflict");
}

#[test]
fn artifacts_are_resources() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("export", json!({"table": "branches", "format": "csv"}));
    let status = client.ended(&id);
    let uri = status["artifacts"][0]["uri"].as_str().unwrap().to_owned();
    let read = client.request("resources/read", json!({"uri": uri}));
    let text = read["contents"][0]["text"].as_str().unwrap();
    let on_disk = std::fs::read_to_string(status["artifacts"][0]["path"].as_str().unwrap()).unwrap();
    assert_eq!(text, on_disk);
    let listed = client.request("resources/list", json!({}));
    assert!(listed["resources"].to_string().contains(&uri), "{listed}");
}

/// Lets a server read `input` to its end.
fn served_over(project: &Project, input: Stdio, output: Stdio, errors: Stdio) {
    let ended = project
        .command(&["serve"])
        .stdin(input)
        .stdout(output)
        .stderr(errors)
        .spawn()
        .unwrap()
        .wait()
        .unwrap();
    assert!(ended.success(), "{ended}");
}

fn assert_lists_tools(answers: &str) {
    let answer = answers.lines().find(|line| line.starts_with('{')).expect("an answer");
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert!(answer["result"]["tools"].to_string().contains("trivial"), "{answer}");
}

#[test]
fn a_client_may_give_pipes_sockets_or_files() {
    let project = Project::with_guests(&["trivial"], "");
    let request = format!(
        "{}\n",
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }}})
    );

    let (mut near, far) = UnixStream::pair().unwrap();
    near.write_all(request.as_bytes()).unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let far = OwnedFd::from(far);
    served_over(&project, far.try_clone().unwrap().into(), far.into(), Stdio::inherit());
    assert_lists_tools(&std::io::read_to_string(near).unwrap());

    let (lines, answers) = (project.path("lines"), project.path("answers"));
    fs::write(&lines, &request).unwrap();
    let input = File::open(&lines).unwrap();
    served_over(&project, input.into(), File::create(&answers).unwrap().into(), Stdio::inherit());
    assert_lists_tools(&fs::read_to_string(&answers).unwrap());

    // As in `longshore serve 2>&1 | …`: both go to one pipe, which must go on waiting for its reader.
    let (reader, writer) = std::io::pipe().unwrap();
    let errors = writer.try_clone().unwrap();
    served_over(&project, File::open(&lines).unwrap().into(), writer.into(), errors.into());
    assert_lists_tools(&std::io::read_to_string(reader).unwrap());
}
