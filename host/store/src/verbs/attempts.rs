//! The attempts of a task.
//!
//! Rows have how many saves the task had made at the end of each attempt, as its checkpoint counts them. What an attempt
//! made itself is the difference to the one before, worked out here and nowhere else.

use longshore_domain::{AttemptRecord, TaskId, Usage};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::columns;
use crate::fault::Fault;
use crate::readers::snapshot;
use crate::statements::statements;

statements! {
    ENDED = "
        SELECT a.number, a.worker, a.component, a.started_at, a.ended_at, a.outcome, a.message, a.detail, a.fuel,
            a.memory_bytes, a.saves
        FROM tasks AS t
        CROSS JOIN attempts AS a ON a.seq = t.seq
        WHERE t.id = ?1
        ORDER BY a.number";

    RUNNING = "
        SELECT r.attempt, r.worker, r.component, r.started_at, NULL, NULL, NULL, NULL, 0, 0, coalesce(c.saves, 0)
        FROM running AS r
        LEFT JOIN checkpoints AS c ON c.seq = r.seq
        WHERE r.id = ?1";
}

/// The attempts of a task, oldest first, the running one last.
pub(crate) fn attempts(c: &Connection, id: TaskId) -> Result<Vec<AttemptRecord>, Fault> {
    snapshot(c, |c| {
        let mut attempts = c
            .prepare_cached(ENDED)?
            .query_map([id.as_bytes()], attempt)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        attempts.extend(c.prepare_cached(RUNNING)?.query_row([id.as_bytes()], attempt).optional()?);
        let mut before = 0;
        for attempt in &mut attempts {
            let of_task = attempt.saves;
            attempt.saves = of_task.saturating_sub(before);
            before = of_task;
        }
        Ok(attempts)
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        number: row.get(0)?,
        worker: columns::worker(row, 1)?,
        component: columns::component(row, 2)?,
        started_at: columns::time(row, 3)?,
        ended_at: columns::time_or_none(row, 4)?,
        outcome: row.get(5)?,
        message: row.get(6)?,
        detail: row.get(7)?,
        usage: Usage { fuel: columns::number(row, 8)?, memory_bytes: columns::number(row, 9)? },
        saves: row.get(10)?,
    })
}
