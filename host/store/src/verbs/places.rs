//! Where a task is: finds its row among the tables that make up its state, and moves it between them.

use longshore_domain::{JobTypeName, Owner, Progress, TaskId, TaskState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    LOCATE = "
        SELECT t.seq, t.owner, t.job_type, t.rank,
            CASE WHEN f.seq IS NOT NULL THEN f.state
                 WHEN r.seq IS NOT NULL THEN 'running'
                 WHEN q.seq IS NOT NULL THEN 'queued'
                 WHEN s.seq IS NOT NULL THEN 'scheduled' END,
            coalesce(f.attempts, r.attempt, q.attempts, s.attempts),
            coalesce(r.counted, q.counted, s.counted, 0),
            coalesce(r.first_started_at, q.first_started_at, s.first_started_at, f.first_started_at),
            CASE WHEN f.seq IS NOT NULL THEN t.deadline_at
                 ELSE coalesce(r.deadline_at, q.deadline_at, s.deadline_at) END
        FROM tasks AS t
        LEFT JOIN finished AS f ON f.seq = t.seq
        LEFT JOIN running AS r ON r.id = t.id
        LEFT JOIN ready AS q ON q.job_type = t.job_type AND q.rank = t.rank AND q.seq = t.seq
        LEFT JOIN scheduled AS s ON s.seq = t.seq
        WHERE t.id = ?1";

    PUT_READY = "
        INSERT INTO ready (job_type, rank, seq, attempts, counted, first_started_at, deadline_at, since)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

    PUT_SCHEDULED = "
        INSERT INTO scheduled (seq, job_type, due_at, attempts, counted, first_started_at, deadline_at, since,
            is_delay)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

    TAKE_READY = "DELETE FROM ready WHERE job_type = ?1 AND rank = ?2 AND seq = ?3";

    TAKE_SCHEDULED = "DELETE FROM scheduled WHERE seq = ?1";

    SAVED_PROGRESS = "SELECT done, total, message FROM checkpoints WHERE seq = ?1";

    PUT_FINISHED = "
        INSERT INTO finished (seq, state, owner, job_type, attempts, first_started_at, finished_at, done, total,
            message, failure_code, failure_message, failure_detail, result, expires_at)
        SELECT seq, ?2, owner, job_type, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
            ?5 + ttl_ms - coalesce((SELECT missed_ms FROM lived WHERE only_row = 1), 0)
        FROM tasks WHERE seq = ?1";
}

/// A task and where it is.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) seq: i64,
    pub(crate) owner: Owner,
    pub(crate) job_type: JobTypeName,
    pub(crate) rank: i64,
    pub(crate) state: TaskState,
    pub(crate) history: History,
}

/// What a live task takes along from one table to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct History {
    /// Attempts begun: the number of the last one. Never goes down, so that a number is never used twice.
    pub(crate) attempts: u32,
    /// Those of them that count for the retry policy.
    pub(crate) counted: u32,
    /// When the first of those that count was claimed.
    pub(crate) first_started_at: Option<Timestamp>,
    /// Given up after.
    pub(crate) deadline_at: Option<Timestamp>,
}

impl Place {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            owner: columns::owner(row, 1)?,
            job_type: columns::job_type(row, 2)?,
            rank: row.get(3)?,
            state: columns::state(row, 4)?,
            history: History {
                attempts: row.get(5)?,
                counted: row.get(6)?,
                first_started_at: columns::time_or_none(row, 7)?,
                deadline_at: columns::time_or_none(row, 8)?,
            },
        })
    }
}

/// Finds a task of `owner` (of anybody when none).
pub(crate) fn locate(c: &Connection, owner: Option<&Owner>, id: TaskId) -> Result<Option<Place>, Fault> {
    let place = c.prepare_cached(LOCATE)?.query_row([id.as_bytes()], Place::from_row).optional()?;
    Ok(place.filter(|place| owner.is_none_or(|owner| *owner == place.owner)))
}

/// Puts a task into the queue.
pub(crate) fn put_ready(
    c: &Connection,
    seq: i64,
    job_type: &str,
    rank: i64,
    history: History,
    now: Timestamp,
) -> Result<(), Fault> {
    c.prepare_cached(PUT_READY)?.execute(params![
        job_type,
        rank,
        seq,
        history.attempts,
        history.counted,
        history.first_started_at.map(Timestamp::ms),
        history.deadline_at.map(Timestamp::ms),
        now.ms(),
    ])?;
    Ok(())
}

/// Puts a task aside until `due_at`.
pub(crate) fn put_scheduled(
    c: &Connection,
    seq: i64,
    job_type: &str,
    due_at: Timestamp,
    history: History,
    now: Timestamp,
    is_delay: bool,
) -> Result<(), Fault> {
    c.prepare_cached(PUT_SCHEDULED)?.execute(params![
        seq,
        job_type,
        due_at.ms(),
        history.attempts,
        history.counted,
        history.first_started_at.map(Timestamp::ms),
        history.deadline_at.map(Timestamp::ms),
        now.ms(),
        is_delay,
    ])?;
    Ok(())
}

/// Takes a task out of the queue.
pub(crate) fn take_ready(c: &Connection, seq: i64, job_type: &str, rank: i64) -> Result<(), Fault> {
    let taken = c.prepare_cached(TAKE_READY)?.execute(params![job_type, rank, seq])?;
    exactly_one(taken, "taking a task out of the queue")
}

/// Takes a scheduled task.
pub(crate) fn take_scheduled(c: &Connection, seq: i64) -> Result<(), Fault> {
    exactly_one(c.prepare_cached(TAKE_SCHEDULED)?.execute([seq])?, "taking a scheduled task")
}

/// Takes a task that waits, whether for its time or for a worker.
pub(crate) fn take_waiting(c: &Connection, place: &Place) -> Result<(), Fault> {
    match place.state {
        TaskState::Queued => take_ready(c, place.seq, place.job_type.as_str(), place.rank),
        TaskState::Scheduled => take_scheduled(c, place.seq),
        state => Err(Fault::Contradiction(format!("a {} task does not wait", state.as_str()))),
    }
}

/// Progress of the last save.
pub(crate) fn saved_progress(c: &Connection, seq: i64) -> Result<Progress, Fault> {
    let saved =
        c.prepare_cached(SAVED_PROGRESS)?.query_row([seq], |row| columns::progress(row, 0)).optional()?;
    Ok(saved.unwrap_or_default())
}

/// How a task ended.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) state: TaskState,
    pub(crate) at: Timestamp,
    pub(crate) progress: &'a Progress,
    pub(crate) failure: Option<(&'a str, &'a str, Option<&'a str>)>,
    pub(crate) result: Option<&'a str>,
}

/// Puts a task where it ends.
pub(crate) fn put_finished(
    c: &Connection,
    seq: i64,
    history: History,
    ending: &Ending<'_>,
) -> Result<(), Fault> {
    let (code, message, detail) = match ending.failure {
        Some((code, message, detail)) => (Some(code), Some(message), detail),
        None => (None, None, None),
    };
    // Not before it began, whatever was done to the clock meanwhile.
    let at = history.first_started_at.map_or(ending.at, |started| started.max(ending.at));
    let put = c.prepare_cached(PUT_FINISHED)?.execute(params![
        seq,
        ending.state.as_str(),
        history.attempts,
        history.first_started_at.map(Timestamp::ms),
        at.ms(),
        ending.progress.done as i64,
        columns::total(ending.progress),
        ending.progress.message,
        code,
        message,
        detail,
        ending.result,
    ])?;
    exactly_one(put, "ending a task")
}
