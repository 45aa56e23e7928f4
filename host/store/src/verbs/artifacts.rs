//! The artifacts of a task, as its last save or its end recorded them.

use longshore_domain::SavedArtifact;
use rusqlite::{Connection, params};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    OF_TASK = "SELECT name, media_type, bytes, sha256 FROM artifacts WHERE seq = ?1 ORDER BY ordinal";

    PUT = "
        INSERT INTO artifacts (seq, ordinal, name, media_type, bytes, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (seq, ordinal) DO UPDATE SET
            name = excluded.name, media_type = excluded.media_type, bytes = excluded.bytes, sha256 = excluded.sha256";

    CUT = "DELETE FROM artifacts WHERE seq = ?1 AND ordinal >= ?2";
}

/// The artifacts of a task, in the order in which they were begun.
pub(crate) fn of_task(c: &Connection, seq: i64) -> Result<Vec<SavedArtifact>, Fault> {
    let mut statement = c.prepare_cached(OF_TASK)?;
    let artifacts = statement.query_map([seq], |row| {
        Ok(SavedArtifact {
            name: row.get(0)?,
            media_type: row.get(1)?,
            bytes: columns::number(row, 2)?,
            sha256: row.get(3)?,
        })
    })?;
    Ok(artifacts.collect::<rusqlite::Result<_>>()?)
}

/// Makes `artifacts` the artifacts of the task, in place of those it had.
pub(crate) fn replace(c: &Connection, seq: i64, artifacts: &[SavedArtifact]) -> Result<(), Fault> {
    for (ordinal, artifact) in artifacts.iter().enumerate() {
        c.prepare_cached(PUT)?.execute(params![
            seq,
            ordinal as i64,
            artifact.name,
            artifact.media_type,
            artifact.bytes as i64,
            artifact.sha256,
        ])?;
    }
    c.prepare_cached(CUT)?.execute(params![seq, artifacts.len() as i64])?;
    Ok(())
}
