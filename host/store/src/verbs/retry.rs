//! Queues a task again that failed or was cancelled.

use longshore_domain::{Event, LogLevel, LogLine, Owner, RetryAnswer, TaskId, Timestamp, transition};
use rusqlite::Connection;

use super::log;
use super::places::{self, History};
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    REOPEN = "DELETE FROM finished WHERE seq = ?1 AND state IN ('failed', 'cancelled')";
}

/// The task goes on from its last save. Attempts are numbered on, but those that were are forgotten by the retry
/// policy, and a deadline that is over no longer counts: it would end the task again before it could run.
pub(crate) fn retry(
    c: &Connection,
    owner: Option<&Owner>,
    id: TaskId,
    now: Timestamp,
) -> Result<RetryAnswer, Fault> {
    let Some(place) = places::locate(c, owner, id)? else { return Ok(RetryAnswer::NotFound) };
    if transition(place.state, Event::RetryAsked).is_err() {
        return Ok(RetryAnswer::NotRetryable(place.state));
    }
    exactly_one(c.prepare_cached(REOPEN)?.execute([place.seq])?, "running a task again")?;
    let history = History {
        attempts: place.history.attempts,
        counted: 0,
        first_started_at: None,
        deadline_at: place.history.deadline_at.filter(|deadline| *deadline > now),
    };
    let asked = LogLine {
        attempt: place.history.attempts,
        at: now,
        level: LogLevel::Info,
        message: format!("run again on request, after it was {}", place.state.as_str()),
    };
    log::append(c, id, &[asked])?;
    places::put_ready(c, place.seq, place.job_type.as_str(), place.rank, history, now)?;
    Ok(RetryAnswer::Queued)
}
