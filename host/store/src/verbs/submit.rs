//! Makes a task durable.

use longshore_domain::{NewTask, Progress, SubmitError, Submitted, Task, TaskId, TaskState, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::places::{self, History};
use super::{get, pause};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    BY_KEY = "
        SELECT id, payload FROM tasks INDEXED BY tasks_key
        WHERE owner = ?1 AND job_type = ?2 AND idempotency_key = ?3";

    INSERT = "
        INSERT INTO tasks (id, owner, job_type, idempotency_key, priority, rank, created_at, deadline_at, ttl_ms,
            payload, callback_channel, callback_url, schedule)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
}

/// Longest time that a task is kept, in milliseconds: so long that it can be added to any time there is.
const TTL_MS_MAX: u64 = 4_000_000_000_000_000;

/// What became of a submission, short of a failure of the store.
#[derive(Debug)]
pub(crate) enum Answer {
    Taken(Box<Submitted>),
    Conflict { existing: TaskId },
}

impl From<Answer> for Result<Submitted, SubmitError> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Taken(submitted) => Ok(*submitted),
            Answer::Conflict { existing } => Err(SubmitError::IdempotencyConflict { existing }),
        }
    }
}

pub(crate) fn submit(c: &Connection, new: &NewTask) -> Result<Answer, Fault> {
    if let Some(key) = &new.idempotency_key
        && let Some(answer) = known(c, new, key)?
    {
        return Ok(answer);
    }
    let task = insert(c, new, None)?;
    Ok(Answer::Taken(Box::new(Submitted { task, deduplicated: false })))
}

/// Makes a task durable whose key, if it has one, is new, and gives it as it is right after its submission.
pub(crate) fn insert(c: &Connection, new: &NewTask, schedule: Option<&str>) -> Result<Task, Fault> {
    c.prepare_cached(INSERT)?.execute(params![
        new.id.as_bytes(),
        new.owner.as_str(),
        new.job_type.as_str(),
        new.idempotency_key,
        new.priority,
        new.rank(),
        new.created_at.ms(),
        new.deadline_at.map(Timestamp::ms),
        new.ttl_ms.min(TTL_MS_MAX) as i64,
        new.payload,
        new.callback.as_ref().map(|callback| &callback.channel),
        new.callback.as_ref().map(|callback| &callback.url),
        schedule,
    ])?;
    let seq = c.last_insert_rowid();
    let history = History { deadline_at: new.deadline_at, ..History::default() };
    let due_at = new.run_at.filter(|run_at| *run_at > new.created_at);
    let job_type = new.job_type.as_str();
    match due_at {
        Some(due_at) => {
            places::put_scheduled(c, seq, job_type, due_at, history, new.created_at, new.is_delayed)?;
        }
        None => places::put_ready(c, seq, job_type, new.rank(), history, new.created_at)?,
    }
    let paused_since = pause::since(c, &new.job_type)?;
    Ok(Task { paused_since, ..task(new, due_at, schedule) })
}

/// The answer when the key was used before.
fn known(c: &Connection, new: &NewTask, key: &str) -> Result<Option<Answer>, Fault> {
    let found = c
        .prepare_cached(BY_KEY)?
        .query_row(params![new.owner.as_str(), new.job_type.as_str(), key], |row| {
            Ok((columns::task_id(row, 0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((existing, payload)) = found else { return Ok(None) };
    if !same_json(&payload, &new.payload) {
        return Ok(Some(Answer::Conflict { existing }));
    }
    let task = get::get(c, None, existing)?
        .ok_or_else(|| Fault::Contradiction(format!("task {existing} has a key but cannot be read")))?;
    Ok(Some(Answer::Taken(Box::new(Submitted { task, deduplicated: true }))))
}

/// Whether two JSON texts say the same; neither white space nor the order of keys matters.
fn same_json(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<Value>(text).ok();
    one == other || parse(one).is_some_and(|one| Some(one) == parse(other))
}

/// The task as it is right after its submission.
fn task(new: &NewTask, due_at: Option<Timestamp>, schedule: Option<&str>) -> Task {
    Task {
        id: new.id,
        owner: new.owner.clone(),
        job_type: new.job_type.clone(),
        payload: new.payload.clone(),
        idempotency_key: new.idempotency_key.clone(),
        priority: new.priority,
        schedule: schedule.map(Into::into),
        paused_since: None,
        state: if due_at.is_some() { TaskState::Scheduled } else { TaskState::Queued },
        created_at: new.created_at,
        updated_at: new.created_at,
        due_at,
        started_at: None,
        finished_at: None,
        deadline_at: new.deadline_at,
        ttl_ms: new.ttl_ms,
        attempts: 0,
        cancel_requested: false,
        progress: Progress::default(),
        result: None,
        failure: None,
        artifacts: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_compared_as_json() {
        assert!(same_json(r#"{"a":1,"b":[1,{"c":2,"d":3}]}"#, r#"{ "b": [1, {"d":3,"c":2}], "a": 1 }"#));
        assert!(!same_json(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same_json(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
        assert!(!same_json("no json", "{}"));
        assert!(!same_json("no json", "nor this"));
        assert!(same_json("no json", "no json"));
    }
}
