//! The log of a task.

use longshore_domain::{LogLine, TaskId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    /// The task's number, and that of its next line.
    END = "
        SELECT t.seq, coalesce((SELECT max(line) FROM task_log WHERE seq = t.seq) + 1, 0)
        FROM tasks AS t WHERE t.id = ?1";

    APPEND = "INSERT INTO task_log (seq, line, attempt, at, level, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

    FROM = "
        SELECT l.attempt, l.at, l.level, l.message
        FROM tasks AS t
        CROSS JOIN task_log AS l ON l.seq = t.seq
        WHERE t.id = ?1 AND l.line >= ?2
        ORDER BY l.line
        LIMIT ?3";
}

/// Adds lines. Those of a task that is not there are dropped: nobody could ask for them.
pub(crate) fn append(c: &Connection, task: TaskId, lines: &[LogLine]) -> Result<(), Fault> {
    let end: Option<(i64, i64)> = c
        .prepare_cached(END)?
        .query_row([task.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((seq, next)) = end else { return Ok(()) };
    for (line, number) in lines.iter().zip(next..) {
        c.prepare_cached(APPEND)?.execute(params![
            seq,
            number,
            line.attempt,
            line.at.ms(),
            line.level.as_str(),
            line.message,
        ])?;
    }
    Ok(())
}

/// Lines from line `from` (0 is the first), oldest first.
pub(crate) fn read(c: &Connection, task: TaskId, from: u64, limit: u32) -> Result<Vec<LogLine>, Fault> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let mut statement = c.prepare_cached(FROM)?;
    let lines = statement.query_map(params![task.as_bytes(), from, limit], |row| {
        Ok(LogLine {
            attempt: row.get(0)?,
            at: columns::time(row, 1)?,
            level: columns::log_level(row, 2)?,
            message: row.get(3)?,
        })
    })?;
    Ok(lines.collect::<rusqlite::Result<_>>()?)
}
