//! Checks the folders of a project at rest: nothing that belongs to nothing, and every message once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::delivery::outlets::SPOOL;
use crate::findings::{Findings, Harm};
use crate::project::Project;
use crate::snapshot::{Snapshot, published};

/// Files of SQLite, and the locks and the log of who works and who stayed behind.
const DATABASE: [&str; 8] = [
    "longshore.db",
    "longshore.db-wal",
    "longshore.db-shm",
    "longshore.db.working",
    "longshore.db.generation",
    "longshore.db.behind",
    "longshore.db.behind.log",
    "longshore.db.behind.log.old",
];

/// Where each process that works has a lock file.
const WORKERS: &str = "longshore.db.workers";

/// Finds what should not be in the data folder, and artifact folders of no task.
pub(crate) fn data(project: &Project, snapshot: &Snapshot, findings: &mut Findings) {
    let mut wanted: BTreeSet<PathBuf> = DATABASE.iter().map(|name| project.data().join(name)).collect();
    // A failed task may be run again from its last save, and keeps its files for that.
    let mut kept = BTreeSet::new();
    for task in snapshot.tasks.values() {
        let state = task.end.as_ref().map(|end| end.state.as_str());
        if state == Some("failed") {
            kept.insert(project.data().join("work").join(&task.id));
        }
        if state == Some("completed") {
            wanted.extend(task.artifacts.keys().map(|name| published(project, &task.id).join(name)));
        }
    }
    let folders: BTreeSet<PathBuf> = wanted
        .iter()
        .filter_map(|file| file.parent().map(Path::to_owned))
        .chain(["work", "artifacts", WORKERS].map(|name| project.data().join(name)))
        .collect();
    for (path, is_folder) in entries(&project.data()) {
        let belongs = if is_folder { folders.contains(&path) } else { wanted.contains(&path) };
        // That of a process that was killed stays until the next one starts.
        let is_lock = !is_folder && path.parent() == Some(&project.data().join(WORKERS));
        let belongs = belongs || is_lock || kept.iter().any(|folder| path.starts_with(folder));
        if !belongs {
            findings.add(Harm::Stray, path.display().to_string());
        }
    }
}

/// Finds messages that were not delivered, or in another form than they were sent, and files that are no message.
pub(crate) fn spool(project: &Project, snapshot: &Snapshot, findings: &mut Findings) {
    let mut delivered: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    let mut by_id: BTreeMap<String, Value> = BTreeMap::new();
    for (path, is_folder) in entries(&project.spool()) {
        if is_folder {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let is_message = path.extension().is_some_and(|extension| extension == "json");
        let Some(message) = serde_json::from_str::<Value>(&text).ok().filter(|_| is_message) else {
            let harm = if is_message { Harm::Mismatched } else { Harm::Stray };
            findings.add(harm, format!("{} is no message", path.display()));
            continue;
        };
        let field = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let (id, task, key) = (field("id"), field("job_id"), field("key"));
        if path.file_stem().is_none_or(|stem| stem != id.as_str()) {
            findings.add(Harm::Mismatched, format!("{} holds the message {id}", path.display()));
        }
        if let Some(other) = delivered.insert((task, key), path.clone()) {
            findings
                .add(Harm::Duplicated, format!("{} and {} are one message", other.display(), path.display()));
        }
        if by_id.insert(id.clone(), message).is_some() {
            findings.add(Harm::Duplicated, format!("the message {id} is in two files"));
        }
    }
    for task in snapshot.tasks.values() {
        for (key, message) in task.messages.iter().filter(|(_, message)| message.channel() == SPOOL) {
            let name = format!("the message {key} of {} {}", task.job_type, task.id);
            let Some(found) = by_id.remove(&message.id) else {
                findings.add(Harm::Lost, format!("{name} is {} and not in the spool", message.state));
                continue;
            };
            if !message.is_told_by(&found, &task.id, key) {
                findings.add(Harm::Mismatched, format!("{name} was delivered as {found}"));
            }
        }
    }
    for message in by_id.values() {
        findings.add(Harm::Stray, format!("a message was delivered that no task sent: {message}"));
    }
}

/// Everything below a folder, and whether it is a folder itself.
fn entries(folder: &Path) -> Vec<(PathBuf, bool)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            found.extend(entries(&entry.path()));
        }
        found.push((entry.path(), is_folder));
    }
    found.sort();
    found
}
