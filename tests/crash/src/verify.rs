//! Compares a project that was disturbed with what was promised and with what an undisturbed run makes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::findings::{Findings, Harm};
use crate::ledger::Acknowledged;
use crate::snapshot::{Snapshot, Task};

/// How far the times of two attempts may overlap. Times are read before a process waits for its turn to write, so they are
/// that much older than the commit; that no two attempts both count is seen in what they made.
const OVERLAP_MS_MAX: i64 = 1_000;

/// Checks that every acknowledged task is there, once, as it was submitted, and completed.
pub(crate) fn acknowledged<'a>(
    snapshot: &Snapshot,
    acknowledged: impl IntoIterator<Item = &'a Acknowledged>,
    findings: &mut Findings,
) {
    for Acknowledged { job_id, job, .. } in acknowledged {
        let Some(task) = snapshot.tasks.get(job_id) else {
            findings.add(Harm::Lost, format!("{} was acknowledged as {job_id} and is not there", job.key));
            continue;
        };
        if task.key.as_deref() != Some(&job.key) || task.job_type != job.kind {
            let what = format!("{job_id} is {} {:?}, not {} {}", task.job_type, task.key, job.kind, job.key);
            findings.add(Harm::Mismatched, what);
        }
        if task.callback_url != job.callback_url {
            let what = format!("{job_id} calls {:?} back, not {:?}", task.callback_url, job.callback_url);
            findings.add(Harm::Mismatched, what);
        }
        if serde_json::from_str::<Value>(&task.payload).ok().as_ref() != Some(&job.payload) {
            findings.add(
                Harm::Mismatched,
                format!("{job_id} has the payload {}, not {}", task.payload, job.payload),
            );
        }
    }
}

/// Checks the database itself, and that there is nothing left to do in it.
pub(crate) fn at_rest(snapshot: &Snapshot, findings: &mut Findings) {
    if snapshot.integrity != "ok" {
        findings.add(Harm::Mismatched, format!("integrity_check: {}", snapshot.integrity));
    }
    for (table, rows) in snapshot.left.iter().filter(|(_, rows)| *rows > 0) {
        findings.add(Harm::Lost, format!("{rows} rows are left in {table}"));
    }
    let mut keys: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for task in snapshot.tasks.values() {
        if let Some(key) = &task.key
            && let Some(other) = keys.insert((&task.job_type, key), &task.id)
        {
            findings.add(Harm::Duplicated, format!("{other} and {} have the key {key}", task.id));
        }
    }
}

/// Checks how each task ended, its attempts, and that its effects are those of the undisturbed run.
pub(crate) fn effects(snapshot: &Snapshot, reference: &Snapshot, findings: &mut Findings) {
    for task in snapshot.tasks.values() {
        let name = format!("{} {} {}", task.job_type, task.key.as_deref().unwrap_or_default(), task.id);
        ended(task, &name, findings);
        attempts(task, &name, findings);
        match reference.tasks.get(&task.id) {
            // What has not come to its end is told above, and once is enough.
            Some(expected) if is_completed(task) => compare(task, expected, &name, findings),
            Some(_) => {}
            None => findings.add(Harm::Mismatched, format!("{name} is not in the undisturbed run")),
        }
    }
}

fn is_completed(task: &Task) -> bool {
    task.end.as_ref().is_some_and(|end| end.state == "completed")
}

fn ended(task: &Task, name: &str, findings: &mut Findings) {
    match &task.end {
        None => findings.add(Harm::Lost, format!("{name} has not ended")),
        Some(end) if end.state != "completed" => {
            findings.add(Harm::Lost, format!("{name} is {}: {:?}", end.state, end.failure));
        }
        Some(end) => {
            let last = task.attempts.last().map_or(0, |attempt| attempt.number);
            if last != end.attempts {
                let what =
                    format!("{name} ended with attempt {}, and attempt {last} is the last", end.attempts);
                findings.add(Harm::Mismatched, what);
            }
        }
    }
}

/// One attempt has completed the task, the last; and none began before the one before it had ended.
fn attempts(task: &Task, name: &str, findings: &mut Findings) {
    let completed = task.attempts.iter().filter(|attempt| attempt.outcome == "completed").count();
    if completed > 1 {
        findings.add(Harm::Duplicated, format!("{name} was completed by {completed} attempts"));
    }
    if is_completed(task) && task.attempts.last().is_none_or(|attempt| attempt.outcome != "completed") {
        findings.add(Harm::Mismatched, format!("{name} is completed, and its last attempt is not"));
    }
    for pair in task.attempts.windows(2) {
        if pair[1].started_at + OVERLAP_MS_MAX < pair[0].ended_at {
            let what = format!("attempts {} and {} of {name} overlap", pair[0].number, pair[1].number);
            findings.add(Harm::Duplicated, what);
        }
    }
}

fn compare(task: &Task, expected: &Task, name: &str, findings: &mut Findings) {
    let result = |task: &Task| task.end.as_ref().and_then(|end| end.result.clone());
    if result(task) != result(expected) {
        let what = format!("{name} gave {:?}, undisturbed {:?}", result(task), result(expected));
        findings.add(Harm::Mismatched, what);
    }
    for (artifact, expected) in &expected.artifacts {
        match task.artifacts.get(artifact) {
            Some(found) if found.found.is_none() => {
                findings.add(Harm::Lost, format!("the file of {artifact} of {name} is not there"));
            }
            Some(found) if found != expected => {
                let what = format!("{artifact} of {name} is {found:?}, undisturbed {expected:?}");
                findings.add(Harm::Mismatched, what);
            }
            Some(_) => {}
            None => findings.add(Harm::Lost, format!("{name} has no {artifact}")),
        }
    }
    for (key, expected) in &expected.messages {
        match task.messages.get(key) {
            Some(found) if !found.is_same_as(expected) => {
                let what = format!("the message {key} of {name} is {found:?}, undisturbed {expected:?}");
                findings.add(Harm::Mismatched, what);
            }
            Some(_) => {}
            None => findings.add(Harm::Lost, format!("{name} has no message {key}")),
        }
    }
    let more = task.artifacts.keys().filter(|artifact| !expected.artifacts.contains_key(*artifact));
    let more = more.chain(task.messages.keys().filter(|key| !expected.messages.contains_key(*key)));
    for extra in more {
        findings.add(Harm::Duplicated, format!("{name} has {extra}, which it has not undisturbed"));
    }
}
