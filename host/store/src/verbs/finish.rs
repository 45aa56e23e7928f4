//! Ends an attempt, and says where its task goes.

use longshore_domain::{
    AttemptRef, CLOCK_SLACK, Event, Finish, FinishAnswer, Next, Outcome, Progress, Recovery, TaskState,
    Timestamp, transition,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::places::{self, Ending, History};
use super::{artifacts, callback, outbox};
use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    HELD = "
        SELECT r.seq, r.job_type, r.counted, r.first_started_at, r.deadline_at, r.lease_until, r.started_at,
            r.cancel_requested, r.worker, r.component, r.updated_at
        FROM running AS r WHERE r.id = ?1 AND r.attempt = ?2";

    LET_GO = "DELETE FROM running WHERE id = ?1 AND attempt = ?2";

    RECORD = "
        INSERT INTO attempts (seq, number, started_at, ended_at, outcome, fuel, memory_bytes, worker, component,
            message, detail, saves)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
            coalesce((SELECT saves FROM checkpoints WHERE seq = ?1), 0))";

    RANK = "SELECT rank FROM tasks WHERE seq = ?1";

    FORGET_CHECKPOINT = "DELETE FROM checkpoints WHERE seq = ?1";

    TO_PUBLISH = "INSERT INTO unpublished (seq) VALUES (?1)";
}

pub(crate) fn finish(c: &Connection, finish: &Finish) -> Result<FinishAnswer, Fault> {
    let Some(held) = held(c, finish.attempt)? else { return Ok(FinishAnswer::Fenced) };
    let is_lost = |recovery: &Recovery| match recovery {
        Recovery::LeaseExpired(lease) => held.lease_until == *lease && held.is_expired(finish.at),
        Recovery::WorkerGone(worker) => held.worker == worker.as_str(),
    };
    if !finish.recovery.as_ref().is_none_or(is_lost) {
        return Ok(FinishAnswer::Fenced);
    }
    let state = transition(TaskState::Running, event(finish, held.cancel_requested))?;
    let AttemptRef { task, number } = finish.attempt;
    let let_go = c.prepare_cached(LET_GO)?.execute(params![task.as_bytes(), number])?;
    exactly_one(let_go, "ending an attempt")?;
    record(c, finish, &held)?;
    match state {
        TaskState::Queued | TaskState::Scheduled => wait(c, finish, &held, state)?,
        _ => end(c, finish, &held, state)?,
    }
    Ok(FinishAnswer::Recorded(state))
}

/// The running attempt, as far as its end needs it.
struct Held {
    seq: i64,
    job_type: String,
    history: History,
    lease_until: Timestamp,
    started_at: Timestamp,
    cancel_requested: bool,
    worker: String,
    component: String,
    updated_at: Timestamp,
}

impl Held {
    /// Whether whoever held it gave no sign of life for too long, or gave the last by a clock that was ahead.
    fn is_expired(&self, now: Timestamp) -> bool {
        self.lease_until <= now || self.updated_at > now.after(CLOCK_SLACK)
    }

    /// When the attempt ended: not before it began, whatever was done to the clock meanwhile.
    fn ended_at(&self, finish: &Finish) -> Timestamp {
        finish.at.max(self.started_at)
    }
}

fn held(c: &Connection, attempt: AttemptRef) -> Result<Option<Held>, Fault> {
    let held = c
        .prepare_cached(HELD)?
        .query_row(params![attempt.task.as_bytes(), attempt.number], |row| {
            Ok(Held {
                seq: row.get(0)?,
                job_type: row.get(1)?,
                history: History {
                    attempts: attempt.number,
                    counted: row.get(2)?,
                    first_started_at: columns::time_or_none(row, 3)?,
                    deadline_at: columns::time_or_none(row, 4)?,
                },
                lease_until: columns::time(row, 5)?,
                started_at: columns::time(row, 6)?,
                cancel_requested: row.get(7)?,
                worker: row.get(8)?,
                component: row.get(9)?,
                updated_at: columns::time(row, 10)?,
            })
        })
        .optional()?;
    Ok(held)
}

/// What the end of the attempt means for its task. Success counts even when a cancel was asked; a cancel counts more
/// than any further attempt.
fn event(finish: &Finish, cancel_requested: bool) -> Event {
    match (&finish.outcome, finish.next) {
        (Outcome::Completed { .. }, _) => Event::Succeeded,
        (_, Next::RetryAt(_) | Next::Release | Next::ResumeAt(_)) if cancel_requested => Event::Cancelled,
        (_, Next::RetryAt(at) | Next::ResumeAt(at)) => Event::WillRetry { later: at > finish.at },
        (_, Next::Release) => Event::Released,
        (Outcome::Cancelled | Outcome::Interrupted(_), Next::End) => Event::Cancelled,
        (Outcome::Failed(_), Next::End) => Event::Failed,
    }
}

/// Keeps what is to be known of the attempt.
fn record(c: &Connection, finish: &Finish, held: &Held) -> Result<(), Fault> {
    let (outcome, message, detail) = match &finish.outcome {
        Outcome::Completed { .. } => ("completed", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Interrupted(message) => ("cancelled", Some(message), None),
        Outcome::Failed(failure) => (failure.code.as_str(), Some(&failure.message), failure.detail.as_ref()),
    };
    let released = finish.next == Next::Release && !matches!(finish.outcome, Outcome::Completed { .. });
    c.prepare_cached(RECORD)?.execute(params![
        held.seq,
        finish.attempt.number,
        held.started_at.ms(),
        held.ended_at(finish).ms(),
        if released { "released" } else { outcome },
        finish.usage.fuel as i64,
        finish.usage.memory_bytes as i64,
        held.worker,
        held.component,
        message,
        detail,
    ])?;
    Ok(())
}

/// Lets the task wait for its next attempt.
fn wait(c: &Connection, finish: &Finish, held: &Held, state: TaskState) -> Result<(), Fault> {
    let mut history = held.history;
    if matches!(finish.next, Next::Release | Next::ResumeAt(_)) {
        history.counted -= 1;
        if history.counted == 0 {
            history.first_started_at = None;
        }
    }
    if let (TaskState::Scheduled, Next::RetryAt(due_at) | Next::ResumeAt(due_at)) = (state, finish.next) {
        return places::put_scheduled(c, held.seq, &held.job_type, due_at, history, finish.at, false);
    }
    let rank = c.prepare_cached(RANK)?.query_row([held.seq], |row| row.get(0))?;
    places::put_ready(c, held.seq, &held.job_type, rank, history, finish.at)
}

/// Ends the task.
fn end(c: &Connection, finish: &Finish, held: &Held, state: TaskState) -> Result<(), Fault> {
    let progress: &Progress = &finish.progress;
    let mut ending = Ending { state, at: held.ended_at(finish), progress, failure: None, result: None };
    match (state, &finish.outcome) {
        (TaskState::Completed, Outcome::Completed { result }) => ending.result = Some(result),
        (TaskState::Failed, Outcome::Failed(failure)) => {
            ending.failure = Some((failure.code.as_str(), &failure.message, failure.detail.as_deref()));
        }
        _ => {}
    }
    places::put_finished(c, held.seq, held.history, &ending)?;
    if state == TaskState::Completed {
        keep_effects(c, finish, held.seq)?;
    }
    callback::announce(c, held.seq)
}

/// Makes the effects of an attempt that ended well real. Its task is never resumed, so the checkpoint goes.
fn keep_effects(c: &Connection, finish: &Finish, seq: i64) -> Result<(), Fault> {
    let resumable = c.prepare_cached(FORGET_CHECKPOINT)?.execute([seq])? > 0;
    if resumable || !finish.artifacts.is_empty() {
        artifacts::replace(c, seq, &finish.artifacts)?;
    }
    if !finish.artifacts.is_empty() {
        c.prepare_cached(TO_PUBLISH)?.execute([seq])?;
    }
    outbox::commit(c, finish.attempt.task, seq, &finish.messages, finish.at)?;
    Ok(())
}
