//! Faults of the machine: each has a clear error with a stable code, the host goes on answering, and nothing that was
//! acknowledged is lost.

mod clock;
mod database;
mod disk;
mod ends;
mod files;
mod stalled;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Client, Project, sha256};

/// Retries come soon, so that a test is about the fault and not about waiting.
const POLICY: &str = "[retry]\nmin_backoff_ms = 20\nmax_backoff_ms = 200\n";

/// A project with the guest that counts its own effects, and short leases.
fn project() -> Project {
    let project = Project::with_guests(&[], "[worker]\nlease_ms = 1000\n");
    project.add_guest("counter", POLICY);
    project
}

/// A job of eight steps that leaves files and messages, and rests in each step for that long.
fn steps(rest_ms: u64) -> Value {
    json!({"steps": 8, "pile_bytes": 300_000, "rest_ms": rest_ms})
}

/// What a completed job made: its result, and the digest of each file, which must be that of the bytes on disk.
fn made(status: &Value) -> (Value, BTreeMap<String, String>) {
    assert_eq!(status["status"], "completed", "{status}");
    let digest = |artifact: &Value| {
        let path = Path::new(artifact["path"].as_str().unwrap());
        assert_eq!(sha256(path), artifact["sha256"].as_str().unwrap(), "{}", path.display());
        (artifact["name"].as_str().unwrap().to_owned(), sha256(path))
    };
    (status["result"].clone(), status["artifacts"].as_array().unwrap().iter().map(digest).collect())
}

/// What the same job makes when nothing disturbs it.
fn undisturbed(client: &mut Client, payload: Value) -> (Value, BTreeMap<String, String>) {
    let id = client.enqueue("counter", payload);
    made(&client.ended(&id))
}

/// Waits until a job that runs has made that many steps.
fn until_step(client: &mut Client, id: &str, step: u64) {
    client.until(id, |status| status["progress"]["done"].as_u64().is_some_and(|done| done >= step));
}

/// The outcomes of a job's attempts.
pub(crate) fn outcomes(project: &Project, id: &str) -> Vec<String> {
    let shown = project.json(&["task", "show", id, "--json"]);
    let history = shown["attempt_history"].as_array().unwrap();
    history.iter().map(|attempt| attempt["outcome"].as_str().unwrap_or("running").to_owned()).collect()
}

/// Files below a folder, with their sizes.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap();
        match entry.metadata() {
            Ok(about) if about.is_dir() => {
                found.extend(
                    files(&entry.path()).into_iter().map(|(below, size)| (format!("{name}/{below}"), size)),
                );
            }
            Ok(about) => drop(found.insert(name, about.len())),
            Err(_) => {}
        }
    }
    found
}
