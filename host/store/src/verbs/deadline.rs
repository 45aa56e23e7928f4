//! Gives up tasks that waited beyond their deadline. A running one is stopped by its worker.

use longshore_domain::{Code, Event, TaskId, Timestamp, transition};
use rusqlite::{Connection, params};

use super::callback;
use super::places::{self, Ending};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    OVERDUE_QUEUED = "
        SELECT t.id
        FROM ready AS q INDEXED BY ready_deadline
        CROSS JOIN tasks AS t ON t.seq = q.seq
        WHERE q.deadline_at <= ?1
        ORDER BY q.deadline_at, q.seq
        LIMIT ?2";

    OVERDUE_SCHEDULED = "
        SELECT t.id
        FROM scheduled AS s INDEXED BY scheduled_deadline
        CROSS JOIN tasks AS t ON t.seq = s.seq
        WHERE s.deadline_at <= ?1
        ORDER BY s.deadline_at, s.seq
        LIMIT ?2";
}

const MESSAGE: &str = "the job was not done within the time that it may take (max_wait_seconds, or max_wait_ms of its \
                       policy): it waited until its deadline. Submit it again with more time, or when the queue is \
                       shorter";

/// Fails waiting tasks whose deadline is `now` or earlier, and says which.
pub(crate) fn fail_overdue(c: &Connection, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, Fault> {
    let mut overdue = ids(c, OVERDUE_QUEUED, now, limit)?;
    overdue.extend(ids(c, OVERDUE_SCHEDULED, now, limit - overdue.len() as u32)?);
    for id in &overdue {
        give_up(c, *id, now)?;
    }
    Ok(overdue)
}

fn ids(c: &Connection, sql: &str, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, Fault> {
    let mut statement = c.prepare_cached(sql)?;
    let ids = statement.query_map(params![now.ms(), limit], |row| columns::task_id(row, 0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn give_up(c: &Connection, id: TaskId, now: Timestamp) -> Result<(), Fault> {
    let place = places::locate(c, None, id)?
        .ok_or_else(|| Fault::Contradiction(format!("task {id} waits but is not there")))?;
    let state = transition(place.state, Event::Failed)?;
    places::take_waiting(c, &place)?;
    let ending = Ending {
        state,
        at: now,
        progress: &places::saved_progress(c, place.seq)?,
        failure: Some((Code::DeadlineExceeded.as_str(), MESSAGE, None)),
        result: None,
    };
    places::put_finished(c, place.seq, place.history, &ending)?;
    callback::announce(c, place.seq)
}
