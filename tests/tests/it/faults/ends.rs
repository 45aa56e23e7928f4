//! How processes end, and what becomes of their jobs: killed by the same job each time, or asked to end.

use std::process::Stdio;

use serde_json::{Value, json};

use super::outcomes;
use crate::support::{Era, Project, until};

fn project(retry: &str) -> Project {
    let project = Project::with_guests(&[], "[worker]\nlease_ms = 1000\nstay_behind = false\n");
    project.add_guest("sleeper", &format!("[retry]\nmin_backoff_ms = 20\nmax_backoff_ms = 20\n{retry}"));
    project
}

fn shown(project: &Project, id: &str) -> Value {
    project.json(&["task", "show", id, "--json"])
}

/// A job whose worker dies in every attempt does not kill workers for ever, and its history says what happened.
#[test]
fn a_job_that_always_loses_its_worker_is_given_up_and_says_why() {
    let project = project("max_attempts = 2\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("sleeper", json!({"ms": 600_000}));
    for attempt in 1..=2 {
        client.until(&id, |status| {
            status["status"] == "running" && status["attempts"].as_u64().unwrap_or(1) == attempt
        });
        client.kill();
        client = project.serve(Era::Modern);
    }
    let status = client.ended(&id);
    assert_eq!((&status["status"], &status["error"]["code"]), (&json!("failed"), &json!("worker_lost")));
    assert_eq!(outcomes(&project, &id), ["worker_lost", "worker_lost"]);
    let story = String::from_utf8(project.longshore(&["task", "show", &id]).stdout).unwrap();
    for told in ["attempt 1 began", "attempt 2 ended", "worker_lost after", "by serve-"] {
        assert!(story.contains(told), "{told:?} is not in {story}");
    }
}

/// Whether its client goes or it is told to end, a process gives its jobs back at once, and that is no attempt that counts:
/// the only one is left for whoever comes next.
#[test]
fn a_process_that_ends_gives_its_jobs_back() {
    let project = project("max_attempts = 1\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("sleeper", json!({"ms": 600_000}));
    client.until(&id, |status| status["status"] == "running");
    let (status, _) = client.close();
    assert!(status.success(), "{status}");
    assert_eq!(shown(&project, &id)["status"], "queued");

    let mut worker = project.command(&["worker"]).stderr(Stdio::null()).spawn().unwrap();
    until("the worker to have taken over", || shown(&project, &id)["status"] == "running");
    let sent = std::process::Command::new("kill").args(["-TERM", &worker.id().to_string()]).status();
    assert!(sent.unwrap().success());
    assert!(worker.wait().unwrap().success(), "a drained worker ends well");
    assert_eq!(shown(&project, &id)["status"], "queued");
    assert_eq!(outcomes(&project, &id), ["released", "released"]);

    let mut client = project.serve(Era::Modern);
    client.until(&id, |status| status["status"] == "running");
    client.call("cancel_job", json!({ "job_id": id }));
    assert_eq!(client.ended(&id)["status"], "cancelled");
}

/// A lease of ten minutes was waited out, although the kernel knew at once that its process was dead.
#[test]
fn a_killed_process_is_recovered_without_its_lease() {
    let project = Project::with_guests(&[], "[worker]\nlease_ms = 600000\nstay_behind = false\n");
    project.add_guest("counter", "");
    let mut victim = project.serve(Era::Modern);
    let id = victim.enqueue("counter", json!({"steps": 40, "rest_ms": 50}));
    // More often than `max_attempts`: it saves, so no kill is held against it.
    for kill in 1..=4 {
        victim.until(&id, |status| status["progress"]["done"].as_u64().is_some_and(|done| done >= 2 * kill));
        victim.kill();
        victim = project.serve(Era::Modern);
    }
    let status = victim.ended(&id);
    assert_eq!((&status["status"], &status["attempts"]), (&json!("completed"), &json!(5)), "{status}");
    let story = String::from_utf8(project.longshore(&["task", "show", &id]).stdout).unwrap();
    assert!(story.contains("not held against the job"), "{story}");
}

/// It ended `longshore worker` without notice, as if it had been killed.
#[test]
fn a_terminal_that_closes_ends_a_worker_as_it_should() {
    let project = project("max_attempts = 1\n");
    let id = queued(&project);
    let mut worker = project.command(&["worker"]).stderr(Stdio::null()).spawn().unwrap();
    until("the worker to run it", || shown(&project, &id)["status"] == "running");
    signal(&worker, "HUP");
    assert!(worker.wait().unwrap().success());
    assert_eq!(outcomes(&project, &id), ["released"]);
}

#[test]
fn a_worker_that_was_started_by_nohup_stays() {
    let project = project("max_attempts = 1\n");
    let id = queued(&project);
    let mut command = std::process::Command::new("nohup");
    let longshore = project.command(&["worker"]);
    command.arg(longshore.get_program()).args(longshore.get_args());
    command.current_dir(longshore.get_current_dir().unwrap());
    for (name, value) in longshore.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut worker = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the worker to run it", || shown(&project, &id)["status"] == "running");
    signal(&worker, "HUP");
    project.longshore(&["task", "cancel", &id]);
    until("the worker to have seen the cancel", || shown(&project, &id)["status"] == "cancelled");
    signal(&worker, "TERM");
    assert!(worker.wait().unwrap().success());
}

fn queued(project: &Project) -> String {
    let submitted = project.json(&["run", "sleeper", "--payload", r#"{"ms": 600000}"#, "--detach", "--json"]);
    submitted["job_id"].as_str().unwrap().to_owned()
}

fn signal(process: &std::process::Child, name: &str) {
    let sent =
        std::process::Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status();
    assert!(sent.unwrap().success());
}
