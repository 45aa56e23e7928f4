//! A disk that is full, broken or read-only, under a running process.

use std::process::Command;

use serde_json::json;

use super::{files, made, outcomes, project, steps, undisturbed, until_step};
use crate::support::{Client, Era, Machine, until};

#[test]
fn a_job_waits_for_room_on_the_disk_and_then_makes_the_same_files() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    let expected = undisturbed(&mut client, steps(0));

    let id = client.enqueue("counter", steps(100));
    until_step(&mut client, &id, 2);
    machine.fails("ENOSPC data/work/");
    // More attempts than the policy allows: the disk is not the job's fault.
    let full = client.until(&id, |status| status["attempts"].as_u64() >= Some(5));
    assert_ne!(full["status"], "failed", "{full}");
    let waiting = client.until(&id, |status| status["waiting_reason"].is_string());
    assert!(waiting["waiting_reason"].as_str().unwrap().contains("the disk is full"), "{waiting}");
    // What was saved is kept, and of nothing else is there a part that would take room.
    let work = project.path("data/work").join(&id);
    until("what was not saved to be cut off", || {
        let kept = files(&work);
        let saved: u64 = kept.iter().filter(|(name, _)| name.contains("pile")).map(|(_, size)| size).sum();
        saved > 0 && saved.is_multiple_of(300_000) && kept.keys().all(|name| name.starts_with("1/"))
    });
    assert!(outcomes(&project, &id)[..4].iter().all(|outcome| outcome == "storage_full"));
    // The host goes on answering, and does what needs no room there.
    client.tool("list_jobs", json!({}));

    machine.is_mended();
    assert_eq!(made(&client.ended(&id)), expected);
    until("the work folder to be empty", || files(&project.path("data/work")).is_empty());
}

/// The signal that the system sends then ended the host, with all that ran in it.
#[test]
fn a_limit_on_the_size_of_files_fails_an_attempt_and_leaves_the_host() {
    let project = project();
    let serve = project.command(&["serve"]);
    let mut limited = Command::new("sh");
    // In blocks of 512 bytes.
    limited
        .args(["-c", "ulimit -f 4000; exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args());
    limited.current_dir(project.path(""));
    let mut client = Client::start(limited, Era::Modern);
    let id = client.enqueue("counter", json!({"steps": 8, "pile_bytes": 2_500_000}));
    let waiting = client.until(&id, |status| status["waiting_reason"].is_string());
    assert_eq!(waiting["status"], "scheduled", "{waiting}");
    assert_eq!(outcomes(&project, &id)[0], "storage_failed");
    client.tool("list_jobs", json!({}));
}

#[test]
fn a_disk_that_fails_is_told_from_one_that_is_full() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    machine.fails("EIO data/work/");
    let id = client.enqueue("counter", steps(0));
    client.until(&id, |status| status["attempts"].as_u64() >= Some(2));
    assert_eq!(outcomes(&project, &id)[0], "storage_failed");
    machine.is_mended();
    assert_eq!(client.ended(&id)["status"], "completed");
}

#[test]
fn a_database_without_room_takes_nothing_and_loses_nothing() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    let expected = undisturbed(&mut client, steps(0));
    let id = client.enqueue("counter", steps(100));
    until_step(&mut client, &id, 1);

    machine.fails("ENOSPC /longshore.db");
    for _ in 0..20 {
        let refused =
            client.tool_error("enqueue_job", json!({"job_type": "counter", "payload": {"steps": 1}}));
        assert_eq!(
            (&refused["code"], &refused["retryable"]),
            (&json!("storage_full"), &json!(true)),
            "{refused}"
        );
    }
    // Longer than a lease: what cannot be renewed must not be taken for lost.
    machine.until_logged("serve", "nothing can be written");
    let begin = std::time::Instant::now();
    while begin.elapsed() < std::time::Duration::from_millis(2_500) {
        let status = client.tool("check_job_status", json!({"job_id": id}));
        assert_eq!(status["status"], "running", "{status}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(client.tool("list_jobs", json!({}))["jobs"].as_array().unwrap().len(), 2, "none was taken");

    machine.is_mended();
    assert_eq!(made(&client.ended(&id)), expected);
    let again = client.enqueue("counter", steps(0));
    assert_eq!(made(&client.ended(&again)), expected);
    let troubles = machine.log("serve").iter().filter(|line| line.contains("storage_full")).count();
    assert!((1..=6).contains(&troubles), "the log tells of it {troubles} times: {:#?}", machine.log("serve"));
}

#[test]
fn a_disk_that_turns_read_only_is_named() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    let before = client.enqueue("counter", json!({"steps": 1}));
    client.ended(&before);
    machine.fails("EIO /longshore.db");
    let refused = client.tool_error("enqueue_job", json!({"job_type": "counter", "payload": {"steps": 1}}));
    assert_eq!(refused["code"], "storage_failed", "{refused}");
    assert_eq!(client.tool("check_job_status", json!({"job_id": before}))["status"], "completed");
    machine.is_mended();
    let id = client.enqueue("counter", json!({"steps": 1}));
    assert_eq!(client.ended(&id)["status"], "completed");
}

#[test]
fn a_read_only_project_can_be_looked_at_and_says_why_it_does_not_work() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    let id = client.enqueue("counter", json!({"steps": 1}));
    client.ended(&id);
    client.close();

    machine.fails("EROFS /data");
    let said = |arguments: &[&str]| {
        let output = machine.command(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    for arguments in [&["task", "list"][..], &["task", "show", &id], &["outbox", "list"], &["plugin", "list"]]
    {
        let (code, text) = said(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
        assert!(text.contains("read-only"), "{arguments:?}: {text}");
    }
    assert!(said(&["task", "list"]).1.contains(&id));
    for arguments in [
        &["worker"][..],
        &["serve"],
        &["task", "retry", &id],
        &["run", "counter", "--payload", "{\"steps\": 1}"],
    ] {
        let (code, text) = said(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {text}");
        assert!(text.contains("read-only") && text.contains("writable"), "{arguments:?}: {text}");
        assert!(!text.contains("panic"), "{text}");
    }
}
