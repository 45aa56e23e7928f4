//! What a project at rest holds: every task with its end, attempts, artifacts and messages.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Row};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::project::Project;

/// A task and all that came of it.
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) key: Option<String>,
    pub(crate) job_type: String,
    pub(crate) payload: String,
    /// Where somebody wants to be told of its end.
    pub(crate) callback_url: Option<String>,
    /// None while it has not ended.
    pub(crate) end: Option<End>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) artifacts: BTreeMap<String, Artifact>,
    /// What the job has sent.
    pub(crate) messages: BTreeMap<String, Message>,
    /// What the host says of its end. The key has the time of it, and so differs from run to run.
    pub(crate) callbacks: BTreeMap<String, Message>,
}

/// How a task has ended.
pub(crate) struct End {
    pub(crate) state: String,
    pub(crate) attempts: u32,
    pub(crate) result: Option<String>,
    pub(crate) failure: Option<String>,
}

/// An attempt that ended.
pub(crate) struct Attempt {
    pub(crate) number: u32,
    pub(crate) started_at: i64,
    pub(crate) ended_at: i64,
    pub(crate) outcome: String,
}

/// An artifact as it was recorded, and the digest of what is in its published file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    pub(crate) media_type: String,
    pub(crate) bytes: i64,
    pub(crate) sha256: Option<String>,
    pub(crate) found: Option<String>,
}

/// A message of the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) state: String,
    /// When it was committed, in milliseconds. A delivery that names another time was made of another commit, or of none.
    pub(crate) created_at: i64,
    /// Channel, recipient, subject, media type, body.
    pub(crate) fields: [String; 5],
}

impl Message {
    pub(crate) fn channel(&self) -> &str {
        &self.fields[0]
    }

    /// Whether both are one message, each in a run of its own.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (&self.id, &self.state, &self.fields) == (&other.id, &other.state, &other.fields)
    }

    /// Whether this is the message, sent by that task under that key, which is told whole as a JSON object.
    pub(crate) fn is_told_by(&self, told: &Value, task: &str, key: &str) -> bool {
        const FIELDS: [&str; 5] = ["channel", "recipient", "subject", "content_type", "body"];
        let texts = FIELDS.into_iter().zip(self.fields.iter().map(String::as_str));
        let mut texts = texts.chain([("id", &*self.id), ("job_id", task), ("key", key)]);
        texts.all(|(field, text)| told[field] == text) && told["created_at_ms"] == self.created_at
    }
}

/// A project at rest.
pub(crate) struct Snapshot {
    /// By id.
    pub(crate) tasks: BTreeMap<String, Task>,
    /// What SQLite says about the file; `ok` when it is well.
    pub(crate) integrity: String,
    /// Rows in tables that are empty at rest, by table.
    pub(crate) left: Vec<(String, i64)>,
}

/// Keys of messages that the host sends, and not the job, begin so.
const OF_THE_HOST: &str = "longshore.";

/// Tables that hold only what still has to be done.
const HOT: [&str; 5] = ["ready", "scheduled", "running", "unpublished", "deliveries"];

impl Snapshot {
    /// Reads all of it. Nothing may run in the project.
    pub(crate) fn read(project: &Project) -> Result<Self> {
        let store = Connection::open(project.database()).context("the task database does not open")?;
        let integrity = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let mut left = Vec::new();
        for table in HOT {
            let rows = store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
            left.push((table.to_owned(), rows));
        }
        let mut tasks = BTreeMap::new();
        let mut ids = BTreeMap::new();
        let mut statement = store.prepare(
            "SELECT t.seq, t.id, t.idempotency_key, t.job_type, t.payload, f.state, f.attempts, f.result,
                f.failure_code || ': ' || f.failure_message, t.callback_url
             FROM tasks AS t LEFT JOIN finished AS f ON f.seq = t.seq",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let task = task(row)?;
            ids.insert(row.get::<_, i64>(0)?, task.id.clone());
            tasks.insert(task.id.clone(), task);
        }
        let mut snapshot = Self { tasks, integrity, left };
        snapshot.read_attempts(&store, &ids)?;
        snapshot.read_artifacts(&store, &ids, project)?;
        snapshot.read_messages(&store, &ids)?;
        Ok(snapshot)
    }

    fn task(&mut self, ids: &BTreeMap<i64, String>, row: &Row<'_>) -> Result<&mut Task> {
        let seq: i64 = row.get(0)?;
        let task = ids.get(&seq).and_then(|id| self.tasks.get_mut(id));
        task.with_context(|| format!("a row belongs to task number {seq}, which is not there"))
    }

    fn read_attempts(&mut self, store: &Connection, ids: &BTreeMap<i64, String>) -> Result<()> {
        let mut statement = store.prepare(
            "SELECT seq, number, started_at, ended_at, outcome FROM attempts ORDER BY seq, number",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let attempt = Attempt {
                number: row.get(1)?,
                started_at: row.get(2)?,
                ended_at: row.get(3)?,
                outcome: row.get(4)?,
            };
            self.task(ids, row)?.attempts.push(attempt);
        }
        Ok(())
    }

    fn read_artifacts(
        &mut self,
        store: &Connection,
        ids: &BTreeMap<i64, String>,
        project: &Project,
    ) -> Result<()> {
        let mut statement = store.prepare("SELECT seq, name, media_type, bytes, sha256 FROM artifacts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            let task = self.task(ids, row)?;
            let file = published(project, &task.id).join(&name);
            let found = fs::read(file).ok().map(|bytes| format!("{:x}", Sha256::digest(bytes)));
            let artifact =
                Artifact { media_type: row.get(2)?, bytes: row.get(3)?, sha256: row.get(4)?, found };
            task.artifacts.insert(name, artifact);
        }
        Ok(())
    }

    fn read_messages(&mut self, store: &Connection, ids: &BTreeMap<i64, String>) -> Result<()> {
        let mut statement = store.prepare(
            "SELECT seq, key, id, state, channel, recipient, subject, content_type, body, created_at FROM outbox",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let message = Message {
                id: uuid(&row.get::<_, Vec<u8>>(2)?),
                state: row.get(3)?,
                created_at: row.get(9)?,
                fields: [row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?],
            };
            let key: String = row.get(1)?;
            let task = self.task(ids, row)?;
            let sent = if key.starts_with(OF_THE_HOST) { &mut task.callbacks } else { &mut task.messages };
            sent.insert(key, message);
        }
        Ok(())
    }
}

/// Where the artifacts of a task are once it is completed.
pub(crate) fn published(project: &Project, id: &str) -> PathBuf {
    project.data().join("artifacts").join(id)
}

fn task(row: &Row<'_>) -> Result<Task> {
    let end = match row.get::<_, Option<String>>(5)? {
        Some(state) => Some(End { state, attempts: row.get(6)?, result: row.get(7)?, failure: row.get(8)? }),
        None => None,
    };
    Ok(Task {
        id: uuid(&row.get::<_, Vec<u8>>(1)?),
        key: row.get(2)?,
        job_type: row.get(3)?,
        payload: row.get(4)?,
        callback_url: row.get(9)?,
        end,
        attempts: Vec::new(),
        artifacts: BTreeMap::new(),
        messages: BTreeMap::new(),
        callbacks: BTreeMap::new(),
    })
}

/// The bytes of a UUID as it is written.
fn uuid(bytes: &[u8]) -> String {
    let number = bytes.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    let hex = format!("{number:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A task of which nothing is known but its id.
#[cfg(test)]
pub(crate) fn test_task(id: &str) -> Task {
    Task {
        id: id.into(),
        key: None,
        job_type: "steps".into(),
        payload: "{}".into(),
        callback_url: None,
        end: None,
        attempts: Vec::new(),
        artifacts: BTreeMap::new(),
        messages: BTreeMap::new(),
        callbacks: BTreeMap::new(),
    }
}
