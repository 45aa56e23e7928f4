//! Whether too many attempts of a job type fail, over all workers.

use longshore_domain::{AlertPolicy, AlertState, FailureWindow, JobTypeName, TaskId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{outbox, places};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    STATE = "SELECT window_started_at, attempts, failures, raised FROM alerts WHERE job_type = ?1";

    SET = "
        INSERT INTO alerts (job_type, window_started_at, attempts, failures, raised) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (job_type) DO UPDATE SET window_started_at = excluded.window_started_at,
            attempts = excluded.attempts, failures = excluded.failures, raised = excluded.raised";
}

/// Counts the end of an attempt of `task`. When it is the one too many, the message that tells of it is committed as one
/// of that task, and the count is the answer.
pub(crate) fn note(
    c: &Connection,
    job_type: &JobTypeName,
    policy: &AlertPolicy,
    failed: bool,
    task: TaskId,
    now: Timestamp,
) -> Result<Option<FailureWindow>, Fault> {
    let before = state(c, job_type)?;
    let after = policy.after(before, failed, now);
    c.prepare_cached(SET)?.execute(params![
        job_type.as_str(),
        after.window.started_at.ms(),
        after.window.attempts,
        after.window.failures,
        after.raised,
    ])?;
    let was_told = before.raised && before.window.started_at == after.window.started_at;
    if !after.raised || was_told {
        return Ok(None);
    }
    // A task that was forgotten meanwhile carries no message; the log still tells.
    if let Some(message) = policy.message(job_type, &after.window, now)
        && let Some(place) = places::locate(c, None, task)?
    {
        outbox::commit(c, task, place.seq, &[message], now)?;
    }
    Ok(Some(after.window))
}

fn state(c: &Connection, job_type: &JobTypeName) -> Result<AlertState, Fault> {
    let state = c
        .prepare_cached(STATE)?
        .query_row([job_type.as_str()], |row| {
            let window = FailureWindow {
                started_at: columns::time(row, 0)?,
                attempts: row.get(1)?,
                failures: row.get(2)?,
            };
            Ok(AlertState { window, raised: row.get(3)? })
        })
        .optional()?;
    Ok(state.unwrap_or_default())
}
