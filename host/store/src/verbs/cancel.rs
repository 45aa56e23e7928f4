//! Cancels a task, or notes the wish while it runs.

use longshore_domain::{
    CancelAnswer, Event, LogLevel, LogLine, Owner, TaskId, TaskState, Timestamp, WorkerId, transition,
};
use rusqlite::{Connection, params};

use super::callback;
use super::log;
use super::places::{self, Ending};
use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    /// `updated_at` tells of the first wish only.
    REQUEST = "
        UPDATE running SET
            updated_at = CASE WHEN cancel_requested THEN updated_at ELSE ?2 END,
            cancel_requested = 1
        WHERE id = ?1";

    IS_REQUESTED = "SELECT cancel_requested FROM running WHERE id = ?1";

    REQUESTED = "SELECT id FROM running INDEXED BY running_cancel WHERE worker = ?1 AND cancel_requested = 1";
}

pub(crate) fn cancel(
    c: &Connection,
    owner: Option<&Owner>,
    id: TaskId,
    now: Timestamp,
) -> Result<CancelAnswer, Fault> {
    let Some(place) = places::locate(c, owner, id)? else { return Ok(CancelAnswer::NotFound) };
    if place.state.is_terminal() {
        return Ok(CancelAnswer::AlreadyTerminal(place.state));
    }
    let state = transition(place.state, Event::Cancelled)?;
    if place.state == TaskState::Running {
        let asked_before: bool =
            c.prepare_cached(IS_REQUESTED)?.query_row([id.as_bytes()], |row| row.get(0))?;
        let noted = c.prepare_cached(REQUEST)?.execute(params![id.as_bytes(), now.ms()])?;
        exactly_one(noted, "asking a running task to stop")?;
        if !asked_before {
            let attempt = place.history.attempts;
            let message = "a cancel was asked for".into();
            log::append(c, id, &[LogLine { attempt, at: now, level: LogLevel::Info, message }])?;
        }
        return Ok(CancelAnswer::Requested);
    }
    places::take_waiting(c, &place)?;
    let progress = places::saved_progress(c, place.seq)?;
    let ending = Ending { state, at: now, progress: &progress, failure: None, result: None };
    places::put_finished(c, place.seq, place.history, &ending)?;
    callback::announce(c, place.seq)?;
    Ok(CancelAnswer::Cancelled)
}

/// Tasks that this worker runs and that somebody asked to cancel.
pub(crate) fn requests(c: &Connection, worker: &WorkerId) -> Result<Vec<TaskId>, Fault> {
    let mut statement = c.prepare_cached(REQUESTED)?;
    let ids = statement.query_map([worker.as_str()], |row| columns::task_id(row, 0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}
