//! Whether something waits for a time that a clock gave which was ahead.

use longshore_domain::{CLOCK_SLACK, TaskId, Timestamp};
use rusqlite::{Connection, params};

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

/// Things of each kind that are named.
const NAMED_MAX: usize = 10;

const FIX: &str = "See that the clock of the machine is right now, and start a `longshore worker` or a client: each start \
                   computes such times anew.";

statements! {
    WAITING = "
        SELECT t.id FROM scheduled AS s
        CROSS JOIN tasks AS t ON t.seq = s.seq
        WHERE (s.attempts > 0 OR s.is_delay) AND s.since > ?1
        LIMIT ?2";

    MESSAGES = "
        SELECT o.id FROM deliveries AS d
        CROSS JOIN outbox AS o ON o.number = d.number
        WHERE d.noted_at > ?1
        LIMIT ?2";

    SCHEDULES = "SELECT name FROM schedules WHERE coalesce(last_at, created_at) > ?1 LIMIT ?2";
}

pub(super) fn examine(c: &Connection, now: Timestamp, notes: &mut Notes<'_>) {
    notes.check("clocks", |notes| each(c, now, notes));
}

fn each(c: &Connection, now: Timestamp, notes: &mut Notes<'_>) -> Result<(), Fault> {
    let ahead = params![now.after(CLOCK_SLACK).ms(), NAMED_MAX as i64];
    let tasks: Vec<TaskId> = c
        .prepare_cached(WAITING)?
        .query_map(ahead, |row| columns::task_id(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    for task in tasks {
        tell(notes, &task, "The job waits since a time that lies ahead");
    }
    let messages: Vec<[u8; 16]> =
        c.prepare_cached(MESSAGES)?.query_map(ahead, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for id in messages {
        tell(
            notes,
            &uuid::Uuid::from_bytes(id),
            "The message waits for its next try since a time that lies ahead",
        );
    }
    let schedules: Vec<String> =
        c.prepare_cached(SCHEDULES)?.query_map(ahead, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in schedules {
        tell(notes, &name, "The schedule was last seen to at a time that lies ahead");
    }
    Ok(())
}

fn tell(notes: &mut Notes<'_>, subject: &dyn std::fmt::Display, what: &str) {
    let message = format!("{what}: a clock was wrong then, or is now.");
    notes.add(Finding::new(FindingCode::ClockAhead, subject, message, FIX));
}
