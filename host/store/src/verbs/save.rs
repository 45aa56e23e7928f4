//! Makes the effects of a running attempt real: its checkpoint, progress, artifacts and messages together.

use longshore_domain::{AttemptRef, Save, SaveAnswer};
use rusqlite::{Connection, OptionalExtension, params};

use super::{artifacts, digest, outbox};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    PROGRESS = "
        UPDATE running SET done = ?3, total = ?4, message = ?5, updated_at = ?6
        WHERE id = ?1 AND attempt = ?2
        RETURNING seq, cancel_requested";

    PUT = "
        INSERT INTO checkpoints (seq, attempt, saves, messages, done, total, message, state, sha256)
        VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (seq) DO UPDATE SET
            attempt = excluded.attempt, saves = saves + 1, messages = messages + excluded.messages,
            done = excluded.done, total = excluded.total, message = excluded.message, state = excluded.state,
            sha256 = excluded.sha256";
}

pub(crate) fn save(c: &Connection, attempt: AttemptRef, save: &Save) -> Result<SaveAnswer, Fault> {
    let progress = &save.progress;
    let held: Option<(i64, bool)> = c
        .prepare_cached(PROGRESS)?
        .query_row(
            params![
                attempt.task.as_bytes(),
                attempt.number,
                progress.done as i64,
                columns::total(progress),
                progress.message,
                save.at.ms(),
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((seq, cancel_requested)) = held else { return Ok(SaveAnswer::Fenced) };
    let messages = outbox::commit(c, attempt.task, seq, &save.messages, save.at)?;
    artifacts::replace(c, seq, &save.artifacts)?;
    c.prepare_cached(PUT)?.execute(params![
        seq,
        attempt.number,
        messages,
        progress.done as i64,
        columns::total(progress),
        progress.message,
        save.state,
        digest::of(&save.state),
    ])?;
    Ok(SaveAnswer::Saved { cancel_requested })
}
