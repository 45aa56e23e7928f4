//! What is known of the last save of a task, without its state.

use longshore_domain::{CheckpointSummary, TaskId};
use rusqlite::{Connection, OptionalExtension};

use super::artifacts;
use crate::columns;
use crate::fault::Fault;
use crate::readers::snapshot;
use crate::statements::statements;

statements! {
    SUMMARY = "
        SELECT t.seq, c.attempt, c.saves, c.messages, c.done, c.total, c.message, length(c.state)
        FROM tasks AS t
        CROSS JOIN checkpoints AS c ON c.seq = t.seq
        WHERE t.id = ?1";
}

/// The last save of the task, if it has one and has not completed.
pub(crate) fn summary(c: &Connection, id: TaskId) -> Result<Option<CheckpointSummary>, Fault> {
    snapshot(c, |c| {
        let found = c
            .prepare_cached(SUMMARY)?
            .query_row([id.as_bytes()], |row| {
                let summary = CheckpointSummary {
                    attempt: row.get(1)?,
                    saves: row.get(2)?,
                    messages: row.get(3)?,
                    progress: columns::progress(row, 4)?,
                    state_bytes: columns::number(row, 7)?,
                    artifacts: Vec::new(),
                };
                Ok((row.get(0)?, summary))
            })
            .optional()?;
        let Some((seq, mut summary)) = found else { return Ok(None) };
        summary.artifacts = artifacts::of_task(c, seq)?;
        Ok(Some(summary))
    })
}
