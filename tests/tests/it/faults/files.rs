//! Files of jobs that are changed or deleted by somebody else.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use super::{made, project};
use crate::support::{Era, Project};

#[test]
fn a_changed_artifact_is_never_read_as_if_it_were_sound() {
    let project = project();
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("counter", json!({"steps": 3, "pile_bytes": 10}));
    let status = client.ended(&id);
    made(&status);
    let ledger =
        status["artifacts"].as_array().unwrap().iter().find(|file| file["name"] == "ledger.txt").unwrap();
    let (uri, path) = (ledger["uri"].clone(), Path::new(ledger["path"].as_str().unwrap()).to_owned());
    let sound = fs::read(&path).unwrap();
    client.request("resources/read", json!({"uri": uri}));

    let mut other = sound.clone();
    other[0] ^= 1;
    for (how, bytes) in [("bytes", Some(other)), ("length", Some(sound[1..].to_vec())), ("gone", None)] {
        match &bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let error = client.error("resources/read", json!({"uri": uri}));
        assert_eq!(error["data"]["code"], "artifact_corrupt", "{how}: {error}");
        assert_eq!(error["data"]["retryable"], false, "{how}: {error}");
        let folder = project.path("").to_str().unwrap().to_owned();
        assert!(!error.to_string().contains(&folder), "a client is told of no folder: {error}");
        // All else that is known of the job stays known.
        let status = client.tool("check_job_status", json!({"job_id": id}));
        assert_eq!((&status["status"], &status["result"]["done"]), (&json!("completed"), &json!(3)), "{how}");
        let shown = project.json(&["task", "show", &id, "--json"]);
        let problems: Vec<_> = shown["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|file| file["problem"].is_string())
            .collect();
        assert_eq!(problems.len(), 1, "{how}: {shown}");
        assert_eq!(problems[0]["name"], "ledger.txt");
        assert!(!problems[0]["problem"].to_string().contains(&folder), "{shown}");
    }
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    let status = client.tool("check_job_status", json!({"job_id": id}));
    assert_eq!(status["status"], "completed");
    let all = status["artifacts"].as_array().unwrap();
    assert!(all.iter().all(|file| file["problem"].is_string()), "{status}");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &sound).unwrap();
    client.request("resources/read", json!({"uri": uri}));
}

/// What is done to a file, and its name.
type Change = (&'static str, fn(&Path));

/// Has a job fail after it saved, changes a file that it saved, and gives the status that it ends with.
fn resumed_from(project: &Project, change: impl FnOnce(&Path)) -> serde_json::Value {
    resumed_after(project, |id| change(&project.path(&format!("data/work/{id}/1/ledger.txt"))))
}

/// Has a job fail after it saved, and gives the status that it ends with after `change`.
fn resumed_after(project: &Project, change: impl FnOnce(&str)) -> serde_json::Value {
    project.add_guest("counter", "[retry]\nmin_backoff_ms = 1000\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("counter", json!({"steps": 6, "pile_bytes": 100, "fail_at": 4}));
    client.until(&id, |status| status["status"] == "scheduled");
    change(&id);
    client.ended(&id)
}

#[test]
fn a_job_does_not_go_on_from_what_was_changed() {
    let changes: [Change; 3] = [
        ("bytes", |file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[0] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        ("length", |file| fs::write(file, "0").unwrap()),
        ("gone", |file| fs::remove_file(file).unwrap()),
    ];
    for (how, change) in changes {
        let project = project();
        let status = resumed_from(&project, change);
        assert_eq!(status["status"], "failed", "{how}: {status}");
        assert_eq!(status["error"]["code"], "artifact_corrupt", "{how}: {status}");
        let folder = project.path("").to_str().unwrap().to_owned();
        assert!(!status["error"].to_string().contains(&folder), "a client is told of no folder: {status}");
        let id = status["job_id"].as_str().unwrap();
        let story = String::from_utf8(project.longshore(&["task", "show", id]).stdout).unwrap();
        assert!(story.contains(&folder), "the operator is: {story}");
        assert_eq!(status["attempts"], 2, "{how}: another attempt would find the same");
    }
    let again = project();
    let status = resumed_after(&again, |_| {
        // As a flipped bit of the disk would: SQLite has no checksum for its pages.
        let store = Connection::open(again.path("data/longshore.db")).unwrap();
        let changed = store.execute("UPDATE checkpoints SET state = zeroblob(length(state))", []).unwrap();
        assert_eq!(changed, 1);
    });
    assert_eq!(status["error"]["code"], "checkpoint_corrupt", "{status}");
    assert_eq!(status["attempts"], 2, "another attempt would find the same: {status}");

    let again = project();
    let status = resumed_from(&again, |file| {
        // What was written after the save is of no account.
        let mut bytes = fs::read(file).unwrap();
        bytes.extend_from_slice(b"more");
        fs::write(file, bytes).unwrap();
    });
    made(&status);
}
