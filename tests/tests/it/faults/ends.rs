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
