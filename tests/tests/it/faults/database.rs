//! A database file that is not there any more, not ours, newer, damaged, or held by another program.

use std::fs;

use rusqlite::Connection;
use serde_json::json;

use super::{project, steps, until_step};
use crate::support::{Era, Machine, Project};

/// Has a project whose database was made and closed.
fn closed_project() -> Project {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("counter", json!({"steps": 1}));
    client.ended(&id);
    client.close();
    project
}

#[test]
fn nothing_is_acknowledged_into_a_file_that_nobody_can_find() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    let first = client.enqueue("counter", json!({"steps": 1}));
    client.ended(&first);
    let submission = json!({"job_type": "counter", "payload": {"steps": 1}});
    for name in ["longshore.db", "longshore.db-wal", "longshore.db-shm"] {
        let (file, away) = (project.path("data").join(name), project.path("data").join("away"));
        fs::rename(&file, &away).unwrap();
        let refused = client.tool_error("enqueue_job", submission.clone());
        assert_eq!(refused["code"], "database_replaced", "{name}: {refused}");
        assert!(!refused.to_string().contains(project.path("").to_str().unwrap()), "{refused}");
        // Another file in its place is no better.
        fs::copy(&away, &file).unwrap();
        let refused = client.tool_error("enqueue_job", submission.clone());
        assert_eq!(refused["code"], "database_replaced", "{name}: {refused}");
        fs::rename(&away, &file).unwrap();
        let id = client.enqueue("counter", json!({"steps": 1}));
        assert_eq!(client.ended(&id)["status"], "completed");
    }
    fs::remove_dir_all(project.path("data")).unwrap();
    let refused = client.tool_error("enqueue_job", submission);
    assert_eq!(refused["code"], "database_replaced", "{refused}");
    let error = client.tool_error("check_job_status", json!({"job_id": first}));
    assert_eq!(error["code"], "database_replaced", "{error}");
    assert!(client.close().0.success(), "it ends as it should");
    assert!(!machine.log("serve").iter().any(|line| line.contains("panic")), "{:#?}", machine.log("serve"));
    assert!(!project.path("data").exists(), "nothing was made anew");
}

#[test]
fn a_file_that_is_not_ours_is_named_and_left_as_it_is() {
    let project = closed_project();
    let file = project.path("data/longshore.db");
    let change = |sql: &str| Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    let refuses = |said: &str| {
        let before = fs::read(&file).unwrap();
        for arguments in [&["task", "list"][..], &["worker"], &["serve"]] {
            let output = project.longshore(arguments);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
            assert!(error.contains(said) && error.contains("hint: "), "{arguments:?}: {error}");
            assert!(!error.contains("panic"), "{error}");
        }
        assert!(fs::read(&file).unwrap() == before, "the file was changed: {said}");
        let entries: Vec<_> = fs::read_dir(project.path("data")).unwrap().flatten().collect();
        assert!(entries.iter().all(|entry| !entry.file_name().to_string_lossy().contains("probe")));
    };
    change("PRAGMA user_version = 99");
    refuses("schema 99");

    fs::remove_file(&file).unwrap();
    change("CREATE TABLE orders (id INTEGER)");
    refuses("not one of Longshore's");

    fs::write(&file, "a text, and long enough to be looked at\n".repeat(200)).unwrap();
    refuses("not a SQLite database");
}

#[test]
fn damage_under_a_running_process_is_named() {
    let project = closed_project();
    let file = project.path("data/longshore.db");
    let sound = fs::read(&file).unwrap();
    // The first page says what the database is; all others are lost.
    let mut damaged = sound.clone();
    damaged[4096..].fill(0xa5);
    fs::write(&file, &damaged).unwrap();
    for arguments in [&["task", "list"][..], &["worker"]] {
        let output = project.longshore(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("damaged") && error.contains("backup"), "{error}");
    }
    fs::write(&file, &sound).unwrap();
    let mut client = project.serve(Era::Modern);
    client.tool("list_jobs", json!({}));
    // In place, as a failing disk does it: the file is still the same one. Pages that were read are in memory.
    fs::write(&file, &damaged).unwrap();
    let error =
        client.tool_error("check_job_status", json!({"job_id": "00000000-0000-4000-8000-000000000000"}));
    assert!(["database_corrupt", "job_not_found"].contains(&error["code"].as_str().unwrap()), "{error}");
    let fresh = project.longshore(&["task", "list"]);
    assert_eq!(fresh.status.code(), Some(1));
}

#[test]
fn a_held_database_is_waited_for_and_then_named_and_a_running_job_keeps_its_lease() {
    let project = project();
    let machine = Machine::new(&project);
    let mut client = machine.serve("serve");
    let id = client.enqueue("counter", steps(3_000));
    until_step(&mut client, &id, 1);
    // As long as no job saves, which would be refused, too.
    let other = Connection::open(project.path("data/longshore.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let submission = json!({"job_type": "counter", "payload": {"steps": 1}});
    let begin = std::time::Instant::now();
    let refused = client.tool_error("enqueue_job", submission.clone());
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("store_busy"), &json!(true)), "{refused}");
    assert!(begin.elapsed() < std::time::Duration::from_secs(25), "{:?}", begin.elapsed());
    // That it lasts is known now, so the next one hears of it sooner.
    let begin = std::time::Instant::now();
    let refused = client.tool_error("enqueue_job", submission);
    assert_eq!(refused["code"], "store_busy", "{refused}");
    assert!(begin.elapsed() < std::time::Duration::from_secs(6), "{:?}", begin.elapsed());
    assert_eq!(client.tool("check_job_status", json!({"job_id": id}))["status"], "running");
    other.execute_batch("ROLLBACK").unwrap();
    let quick = client.enqueue("counter", json!({"steps": 1}));
    assert_eq!(client.ended(&quick)["status"], "completed");
    client.tool("cancel_job", json!({"job_id": id}));
    assert_eq!(client.ended(&id)["status"], "cancelled");
}
