//! Reads one task whole.

use longshore_domain::{ArtifactRecord, Code, Failure, Owner, Task, TaskId, TaskState};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

/// Everything of a task but its result and its artifacts. A scheduled task tells why its last attempt failed. It began with its
/// first attempt, whether or not that still counts for its retry policy.
macro_rules! task_columns {
    () => {
        "t.id, t.owner, t.job_type, t.payload, t.idempotency_key, t.priority, t.created_at, t.ttl_ms,
        CASE WHEN f.seq IS NOT NULL THEN f.state
             WHEN r.seq IS NOT NULL THEN 'running'
             WHEN q.seq IS NOT NULL THEN 'queued'
             WHEN s.seq IS NOT NULL THEN 'scheduled' END,
        CASE WHEN f.seq IS NOT NULL THEN t.deadline_at
             ELSE coalesce(r.deadline_at, q.deadline_at, s.deadline_at) END,
        coalesce(f.finished_at, r.updated_at, q.since, s.since),
        s.due_at,
        coalesce(a1.started_at, f.first_started_at, r.first_started_at, q.first_started_at, s.first_started_at),
        f.finished_at,
        coalesce(f.attempts, r.attempt, q.attempts, s.attempts),
        coalesce(r.cancel_requested, 0),
        coalesce(f.done, r.done, c.done, 0),
        CASE WHEN f.seq IS NOT NULL THEN f.total WHEN r.seq IS NOT NULL THEN r.total ELSE c.total END,
        coalesce(f.message, r.message, c.message, ''),
        coalesce(f.failure_code, a.outcome),
        coalesce(f.failure_message, a.message, ''),
        coalesce(f.failure_detail, a.detail),
        t.schedule,
        (SELECT since FROM paused WHERE paused.job_type = t.job_type)"
    };
}

macro_rules! task_tables {
    () => {
        "FROM tasks AS t
        LEFT JOIN finished AS f ON f.seq = t.seq
        LEFT JOIN running AS r ON r.id = t.id
        LEFT JOIN ready AS q ON q.job_type = t.job_type AND q.rank = t.rank AND q.seq = t.seq
        LEFT JOIN scheduled AS s ON s.seq = t.seq
        LEFT JOIN attempts AS a ON a.seq = s.seq AND a.number = s.attempts
        LEFT JOIN attempts AS a1 ON a1.seq = t.seq AND a1.number = 1
        LEFT JOIN checkpoints AS c ON c.seq = t.seq"
    };
}

statements! {
    BY_ID = concat!(
        "SELECT ", task_columns!(), ",
            f.result,
            CASE WHEN f.state = 'completed' THEN (
                SELECT json_group_array(json_array(name, media_type, bytes, sha256))
                FROM artifacts WHERE artifacts.seq = t.seq
            ) END ",
        task_tables!(), " WHERE t.id = ?1"
    );

    /// Without result and artifacts, for lists.
    BY_SEQ = concat!("SELECT ", task_columns!(), " ", task_tables!(), " WHERE t.seq = ?1");
}

/// The task, if there is one of that owner (of anybody when none is given).
pub(crate) fn get(c: &Connection, owner: Option<&Owner>, id: TaskId) -> Result<Option<Task>, Fault> {
    let task = c
        .prepare_cached(BY_ID)?
        .query_row([id.as_bytes()], |row| {
            let mut task = task(row)?;
            task.result = row.get(24)?;
            let attempt = task.attempts;
            task.artifacts = columns::artifacts(row, 25)?
                .into_iter()
                .map(|artifact| ArtifactRecord { artifact, attempt })
                .collect();
            Ok(task)
        })
        .optional()?;
    Ok(task.filter(|task| owner.is_none_or(|owner| *owner == task.owner)))
}

/// The task of that number, without result and artifacts.
pub(crate) fn summary(c: &Connection, seq: i64) -> Result<Task, Fault> {
    Ok(c.prepare_cached(BY_SEQ)?.query_row([seq], task)?)
}

/// A task from `task_columns`.
fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    let state = columns::state(row, 8)?;
    Ok(Task {
        id: columns::task_id(row, 0)?,
        owner: columns::owner(row, 1)?,
        job_type: columns::job_type(row, 2)?,
        payload: row.get(3)?,
        idempotency_key: row.get(4)?,
        priority: row.get(5)?,
        schedule: row.get(22)?,
        paused_since: columns::time_or_none(row, 23)?,
        created_at: columns::time(row, 6)?,
        ttl_ms: columns::number(row, 7)?,
        state,
        deadline_at: columns::time_or_none(row, 9)?,
        updated_at: columns::time(row, 10)?,
        due_at: columns::time_or_none(row, 11)?,
        started_at: columns::time_or_none(row, 12)?,
        finished_at: columns::time_or_none(row, 13)?,
        attempts: row.get(14)?,
        cancel_requested: row.get(15)?,
        progress: columns::progress(row, 16)?,
        failure: if matches!(state, TaskState::Failed | TaskState::Scheduled) { failure(row)? } else { None },
        result: None,
        artifacts: Vec::new(),
    })
}

/// Why the task, or its last attempt, failed. An attempt that ended without a failure has no code but a word.
fn failure(row: &Row<'_>) -> rusqlite::Result<Option<Failure>> {
    let code = row.get_ref(19)?.as_str_or_null()?.and_then(Code::from_name);
    let Some(code) = code else { return Ok(None) };
    Ok(Some(Failure { code, message: row.get(20)?, detail: row.get(21)?, retry_after: None }))
}
