//! Tells whoever asked for it that a task has ended: a message, committed with the end.

use longshore_domain::{Callback, TaskId, ended_message};
use rusqlite::{Connection, OptionalExtension};

use super::{get, outbox};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    OF_TASK = "
        SELECT id, callback_channel, callback_url FROM tasks
        WHERE seq = ?1 AND callback_url IS NOT NULL";
}

/// Commits the message of a task that has just ended, if one was asked for.
pub(crate) fn announce(c: &Connection, seq: i64) -> Result<(), Fault> {
    let wanted: Option<(TaskId, Callback)> = c
        .prepare_cached(OF_TASK)?
        .query_row([seq], |row| {
            Ok((columns::task_id(row, 0)?, Callback { channel: row.get(1)?, url: row.get(2)? }))
        })
        .optional()?;
    let Some((id, callback)) = wanted else { return Ok(()) };
    let task = get::get(c, None, id)?
        .ok_or_else(|| Fault::Contradiction(format!("task {id} has ended but cannot be read")))?;
    outbox::commit(c, id, seq, &[ended_message(&callback, &task)], task.updated_at)?;
    Ok(())
}
