//! Which completed tasks have artifacts that still are in the folder of their attempt.

use longshore_domain::{ArtifactRecord, TaskId, Unpublished};
use rusqlite::Connection;

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    UNPUBLISHED = "
        SELECT t.id, f.attempts, (
            SELECT json_group_array(json_array(name, media_type, bytes, sha256))
            FROM artifacts WHERE artifacts.seq = u.seq
        )
        FROM unpublished AS u
        CROSS JOIN finished AS f ON f.seq = u.seq
        CROSS JOIN tasks AS t ON t.seq = u.seq
        ORDER BY u.seq
        LIMIT ?1";

    PUBLISHED = "DELETE FROM unpublished WHERE seq = (SELECT seq FROM tasks WHERE id = ?1)";
}

/// Completed tasks whose artifacts have not been moved yet, oldest first.
pub(crate) fn unpublished(c: &Connection, limit: u32) -> Result<Vec<Unpublished>, Fault> {
    let mut statement = c.prepare_cached(UNPUBLISHED)?;
    let unpublished = statement.query_map([limit], |row| {
        let attempt = row.get(1)?;
        let artifacts = columns::artifacts(row, 2)?
            .into_iter()
            .map(|artifact| ArtifactRecord { artifact, attempt })
            .collect();
        Ok(Unpublished { task: columns::task_id(row, 0)?, attempt, artifacts })
    })?;
    Ok(unpublished.collect::<rusqlite::Result<_>>()?)
}

/// Notes that the artifacts of a task have been moved.
pub(crate) fn mark_published(c: &Connection, task: TaskId) -> Result<(), Fault> {
    c.prepare_cached(PUBLISHED)?.execute([task.as_bytes()])?;
    Ok(())
}
