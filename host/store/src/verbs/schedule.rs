//! Moves tasks to the queue when their time has come.

use longshore_domain::{CLOCK_SLACK, Event, TaskState, Timestamp, transition};
use rusqlite::{Connection, params};

use super::places::{self, History};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    DUE = "
        SELECT s.seq, s.job_type, t.rank, s.attempts, s.counted, s.first_started_at, s.deadline_at
        FROM scheduled AS s INDEXED BY scheduled_due
        CROSS JOIN tasks AS t ON t.seq = s.seq
        WHERE s.due_at <= ?1
        ORDER BY s.due_at, s.seq
        LIMIT ?2";

    /// A scan of what is scheduled, for the few times at which a clock is set back.
    BRING_FORWARD = "
        UPDATE scheduled SET due_at = ?1 + (due_at - since), since = ?1 WHERE attempts > 0 AND since > ?2";

    NEXT_DUE = "SELECT min(due_at) FROM scheduled";
}

/// Queues scheduled tasks that are due by `now`, and says how many.
pub(crate) fn promote_due(c: &Connection, now: Timestamp, limit: u32) -> Result<u32, Fault> {
    let due = c
        .prepare_cached(DUE)?
        .query_map(params![now.ms(), limit], |row| {
            let history = History {
                attempts: row.get(3)?,
                counted: row.get(4)?,
                first_started_at: columns::time_or_none(row, 5)?,
                deadline_at: columns::time_or_none(row, 6)?,
            };
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, history))
        })?
        .collect::<rusqlite::Result<Vec<(i64, String, i64, History)>>>()?;
    for (seq, job_type, rank, history) in &due {
        transition(TaskState::Scheduled, Event::Due)?;
        places::take_scheduled(c, *seq)?;
        places::put_ready(c, *seq, job_type, *rank, *history, now)?;
    }
    Ok(due.len() as u32)
}

/// Makes retries that a clock put off which was ahead of `now` wait from `now` on. What was to run at a certain time still
/// does.
pub(crate) fn bring_forward(c: &Connection, now: Timestamp) -> Result<u32, Fault> {
    let brought = c.prepare_cached(BRING_FORWARD)?.execute([now.ms(), now.after(CLOCK_SLACK).ms()])?;
    Ok(brought as u32)
}

/// When the next scheduled task is due.
pub(crate) fn next_due(c: &Connection) -> Result<Option<Timestamp>, Fault> {
    Ok(c.prepare_cached(NEXT_DUE)?.query_row([], |row| columns::time_or_none(row, 0))?)
}
