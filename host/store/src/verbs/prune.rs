//! Forgets finished tasks whose time is over.
//!
//! Rows go first, in one transaction with a note that files may be left; files are deleted after that, and then the
//! note. A kill in between leaves the note, so no file stays behind without anybody who knows of it.

use longshore_domain::{TaskId, Timestamp};
use rusqlite::{Connection, params};

use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    /// Not while something of it still has to reach its place.
    EXPIRED = "
        SELECT f.seq, t.id
        FROM finished AS f INDEXED BY finished_expiry
        CROSS JOIN tasks AS t ON t.seq = f.seq
        WHERE f.expires_at <= ?1
            AND NOT EXISTS (SELECT 1 FROM unpublished AS u WHERE u.seq = f.seq)
            AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.seq = f.seq AND o.state = 'pending')
        ORDER BY f.expires_at, f.seq
        LIMIT ?2";

    LINES = "SELECT coalesce(max(line) + 1, 0) FROM task_log WHERE seq = ?1";

    MESSAGES = "SELECT count(*) FROM outbox INDEXED BY outbox_task WHERE seq = ?1";

    NOTE = "INSERT INTO pruned (id) VALUES (?1)";

    /// All that belongs to it goes with it.
    FORGET = "DELETE FROM tasks WHERE seq = ?1";

    PRUNED = "SELECT id FROM pruned LIMIT ?1";

    FILES_ARE_GONE = "DELETE FROM pruned WHERE id = ?1";
}

/// Rows after which a step is long enough: nothing else is written meanwhile.
const ROWS_ENOUGH: i64 = 5_000;

/// Forgets finished tasks whose time is over, `limit` at most, those first whose time has been over for longest, and fewer
/// where one has much to it. Says how many; none when there is none left.
pub(crate) fn prune(c: &Connection, now: Timestamp, limit: u32) -> Result<u32, Fault> {
    let expired: Vec<(i64, TaskId)> = c
        .prepare_cached(EXPIRED)?
        .query_map(params![now.ms(), limit], |row| Ok((row.get(0)?, columns::task_id(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut rows = 0;
    let mut forgotten = 0;
    for (seq, id) in &expired {
        if rows >= ROWS_ENOUGH {
            break;
        }
        // The two tables that have many rows of one task.
        for count in [LINES, MESSAGES] {
            rows += c.prepare_cached(count)?.query_row([seq], |row| row.get::<_, i64>(0))?;
        }
        forgotten += 1;
        c.prepare_cached(NOTE)?.execute([id.as_bytes()])?;
        exactly_one(c.prepare_cached(FORGET)?.execute([seq])?, "pruning a task")?;
    }
    Ok(forgotten)
}

/// Tasks that were pruned and whose files may still be there.
pub(crate) fn pruned(c: &Connection, limit: u32) -> Result<Vec<TaskId>, Fault> {
    let mut statement = c.prepare_cached(PRUNED)?;
    let pruned = statement.query_map([limit], |row| columns::task_id(row, 0))?;
    Ok(pruned.collect::<rusqlite::Result<_>>()?)
}

/// Notes that the files of pruned tasks are gone.
pub(crate) fn files_are_gone(c: &Connection, tasks: &[TaskId]) -> Result<(), Fault> {
    for task in tasks {
        c.prepare_cached(FILES_ARE_GONE)?.execute([task.as_bytes()])?;
    }
    Ok(())
}
