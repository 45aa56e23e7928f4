//! Moves tasks to the queue when their time has come.

use longshore_domain::{CLOCK_SLACK, Event, STEP_MS, TaskState, Timestamp, transition};
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
        UPDATE scheduled SET due_at = ?1 + (due_at - since), since = ?1
        WHERE (attempts > 0 OR is_delay) AND since > ?2";

    /// The place of a delayed task in its queue follows from when it is due.
    RANK_DELAYED = "
        UPDATE tasks SET rank = (?1 + s.due_at - s.since) / ?3 - priority
        FROM scheduled AS s
        WHERE s.is_delay AND s.since > ?2 AND tasks.seq = s.seq";

    /// A task that was queued by a clock that was ahead would let all others pass until then.
    RANK_QUEUED = "
        UPDATE tasks SET rank = ?1 / ?3 - priority
        FROM ready AS q
        WHERE q.since > ?2 AND tasks.seq = q.seq";

    BRING_QUEUED_FORWARD = "
        UPDATE ready SET since = ?1, rank = (SELECT t.rank FROM tasks AS t WHERE t.seq = ready.seq)
        WHERE since > ?2";

    BRING_MESSAGES_FORWARD = "
        UPDATE deliveries SET due_at = ?1 + (due_at - noted_at), noted_at = ?1 WHERE noted_at > ?2";

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

/// Makes retries and delayed tasks that a clock put off which was ahead of `now` wait from `now` on, likewise messages, and
/// tasks take their places in the queue as if they had come now. What was to run at a certain time still does.
pub(crate) fn bring_forward(c: &Connection, now: Timestamp) -> Result<u32, Fault> {
    let ahead = now.after(CLOCK_SLACK).ms();
    c.prepare_cached(RANK_DELAYED)?.execute([now.ms(), ahead, STEP_MS])?;
    c.prepare_cached(RANK_QUEUED)?.execute([now.ms(), ahead, STEP_MS])?;
    let mut brought = c.prepare_cached(BRING_FORWARD)?.execute([now.ms(), ahead])?;
    brought += c.prepare_cached(BRING_QUEUED_FORWARD)?.execute([now.ms(), ahead])?;
    brought += c.prepare_cached(BRING_MESSAGES_FORWARD)?.execute([now.ms(), ahead])?;
    Ok(brought as u32)
}

/// When the next scheduled task is due.
pub(crate) fn next_due(c: &Connection) -> Result<Option<Timestamp>, Fault> {
    Ok(c.prepare_cached(NEXT_DUE)?.query_row([], |row| columns::time_or_none(row, 0))?)
}
