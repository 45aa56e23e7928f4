//! Clients that start a process for each call: nothing of theirs runs between two calls, and what was promised goes on.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::faults::outcomes;
use crate::support::{Client, Era, Project, until};

/// The worker that stays behind, if there is one: who signed the lock and lives.
fn behind(project: &Project) -> Option<u32> {
    let mark = fs::read(project.path("data/longshore.db.behind")).ok()?;
    let mark: Value = serde_json::from_slice(&mark).ok()?;
    let pid = mark["pid"].as_u64()? as u32;
    lives(pid).then_some(pid)
}

/// Whether a process has not ended. One that nobody has asked for its end has.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn shown(project: &Project, id: &str) -> Value {
    project.json(&["task", "show", id, "--json"])
}

/// Who ran the attempts of a job, in their order.
fn workers(project: &Project, id: &str) -> Vec<String> {
    let attempts = shown(project, id)["attempt_history"].clone();
    let attempts = attempts.as_array().unwrap().iter();
    attempts.map(|attempt| attempt["worker"].as_str().unwrap().to_owned()).collect()
}

/// One call of a client that starts a process for it, and ends the process after it.
fn once(project: &Project, call: impl FnOnce(&mut Client) -> Value) -> Value {
    let mut client = Client::connect(project.command(&["serve"]), Era::Legacy, Stdio::inherit());
    let answer = call(&mut client);
    let (status, took) = client.close();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(2), "clients kill a server that takes {took:?} to end");
    answer
}

const SHORT_WAIT: &str = "[mcp]\nwait_seconds = 1\n";

#[test]
fn a_job_of_a_process_a_call_client_is_done_in_its_time_and_once() {
    let project = Project::with_guests(&["sleeper"], SHORT_WAIT);
    once(&project, |client| {
        client.until_loaded();
        Value::Null
    });
    let submitted = Instant::now();
    let handle = once(&project, |client| client.tool("sleeper", json!({"ms": 6_000})));
    let id = handle["job_id"].as_str().unwrap();
    let pid = behind(&project).expect("a worker stays behind");
    let report = String::from_utf8(project.longshore(&["doctor"]).stdout).unwrap();
    assert!(report.contains("worker_behind") && report.contains(&pid.to_string()), "{report}");
    let status = loop {
        let status = once(&project, |client| client.tool("check_job_status", json!({"job_id": id})));
        if status["status"] != "running" && status["status"] != "queued" {
            break status;
        }
        assert!(submitted.elapsed() < Duration::from_secs(60), "{status}");
    };
    assert_eq!(status["status"], "completed", "{status}");
    // Its own 6 s, the first second, which is lost, and starts of debug builds on a busy machine.
    assert!(submitted.elapsed() < Duration::from_secs(15), "{:?}", submitted.elapsed());
    assert_eq!(outcomes(&project, id), ["released", "completed"], "handed over once");
    let workers = workers(&project, id);
    assert!(workers[0].starts_with("serve-") && workers[1].starts_with("behind-"), "{workers:?}");
    until("the worker to end when nothing is left", || behind(&project).is_none());
}

#[test]
fn it_is_one_in_a_session_of_its_own_that_holds_nothing_of_its_client_and_ends_when_told() {
    let project = Project::with_guests(&["sleeper"], "");
    let mut clients: Vec<Client> = (0..4).map(|_| project.serve(Era::Modern)).collect();
    let ids: Vec<String> =
        clients.iter_mut().map(|client| client.enqueue("sleeper", json!({"ms": 600_000}))).collect();
    for (client, id) in clients.iter_mut().zip(&ids) {
        client.until(id, |status| status["status"] == "running");
    }
    // All at once, so that each may be the last.
    for name in ["STOP", "TERM", "CONT"] {
        for client in &clients {
            client.signal(name);
        }
    }
    // Some clients wait until nobody has their pipes open.
    clients.iter_mut().for_each(Client::until_output_ends);
    drop(clients);
    for id in &ids {
        until("the jobs to go on", || shown(&project, id)["status"] == "running");
    }
    let pid = behind(&project).expect("a worker stays behind");
    let by: BTreeSet<String> = ids.iter().map(|id| workers(&project, id).pop().unwrap()).collect();
    assert_eq!(by.len(), 1, "one goes on with all: {by:?}");
    assert!(by.iter().all(|worker| worker.starts_with(&format!("behind-{pid}-"))), "{by:?}");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap();
    assert_eq!(session, pid.to_string());
    for stream in 0..3 {
        let open = fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap();
        assert!(!open.to_string_lossy().contains("pipe:"), "{stream} is {}", open.display());
    }

    signal("TERM", pid);
    until("the worker to end", || !lives(pid));
    for id in &ids {
        assert_eq!(shown(&project, id)["status"], "queued", "what it ran is given back");
    }
}

#[test]
fn a_command_that_submits_leaves_a_worker_and_one_that_is_turned_off_stays_nowhere() {
    let project = Project::with_guests(&["steps"], "");
    let payload = r#"{"steps": 20}"#;
    let job = project.json(&["run", "steps", "--payload", payload, "--detach", "--json"]);
    let id = job["job_id"].as_str().unwrap().to_owned();
    until("the job to be done", || shown(&project, &id)["status"] == "completed");
    assert!(workers(&project, &id)[0].starts_with("behind-"));
    until("the worker to end", || behind(&project).is_none());

    let project = Project::with_guests(&["sleeper"], "[worker]\nstay_behind = false\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("sleeper", json!({"ms": 600_000}));
    client.until(&id, |status| status["status"] == "running");
    client.close();
    assert!(!project.path("data/longshore.db.behind").exists(), "nobody ever stayed behind");
    assert_eq!(shown(&project, &id)["status"], "queued");
}

#[test]
fn nobody_stays_where_another_works_or_nothing_can_be_done() {
    let project = Project::with_guests(&["sleeper", "trivial"], "");
    let mut worker = project.command(&["worker"]).stderr(Stdio::null()).spawn().unwrap();
    until("the worker to begin", || project.path("data/longshore.db.working").exists());
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("sleeper", json!({"ms": 600_000}));
    client.until(&id, |status| status["status"] == "running");
    client.close();
    until("the worker to go on", || shown(&project, &id)["status"] == "running");
    assert_eq!(behind(&project), None);
    let mut client = project.serve(Era::Modern);
    client.tool("cancel_job", json!({"job_id": id}));
    client.ended(&id);
    signal("TERM", worker.id());
    assert!(worker.wait().unwrap().success());

    // Its plugin is gone, so it would only wait; and this one is due tomorrow.
    let tomorrow = json!({"job_type": "trivial", "payload": {}, "delay_seconds": 86_400});
    client.tool("enqueue_job", tomorrow);
    let soon = json!({"job_type": "sleeper", "payload": {"ms": 1}, "delay_seconds": 1});
    let soon = client.tool("enqueue_job", soon)["job_id"].as_str().unwrap().to_owned();
    fs::remove_file(project.path("plugins/sleeper.wasm")).unwrap();
    client.until(&soon, |status| status["status"] == "queued" && status["waiting_reason"].is_string());
    client.close();
    assert_eq!(behind(&project), None);
}

#[test]
fn a_project_that_is_deleted_keeps_nobody() {
    let project = Project::with_guests(&["sleeper"], "");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("sleeper", json!({"ms": 600_000}));
    client.close();
    until("the worker to go on", || shown(&project, &id)["status"] == "running");
    let pid = behind(&project).expect("a worker stays behind");
    drop(project);
    until("the worker to end", || !lives(pid));
}
