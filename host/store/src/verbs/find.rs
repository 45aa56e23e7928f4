//! Finds tasks and messages by the beginning of their ids.

use longshore_domain::{IdPrefix, OutboxMessage, Owner, Task};
use rusqlite::{Connection, params};

use super::{get, outbox};
use crate::fault::Fault;
use crate::readers::snapshot;
use crate::statements::statements;

statements! {
    /// By the index of ids, in its order; the owner has to be no part of the search.
    TASKS = "
        SELECT seq FROM tasks
        WHERE id BETWEEN ?1 AND ?2 AND +owner = ?3
        ORDER BY id LIMIT ?4";

    MESSAGES = "
        SELECT o.number, o.id, t.id, o.created_at, o.state, o.tries, o.last_error, o.delivered_at,
            o.channel, o.key, o.recipient, o.subject, o.content_type, o.body,
            (SELECT due_at FROM deliveries WHERE number = o.number)
        FROM outbox AS o
        CROSS JOIN tasks AS t ON t.seq = o.seq
        WHERE o.id BETWEEN ?1 AND ?2
        ORDER BY o.id LIMIT ?3";
}

/// Tasks of the owner whose id begins so, without result and artifacts.
pub(crate) fn tasks(
    c: &Connection,
    owner: &Owner,
    prefix: &IdPrefix,
    limit: u32,
) -> Result<Vec<Task>, Fault> {
    let (first, last) = prefix.bounds();
    snapshot(c, |c| {
        let found = c
            .prepare_cached(TASKS)?
            .query_map(params![first, last, owner.as_str(), limit], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<i64>>>()?;
        found.into_iter().map(|seq| get::summary(c, seq)).collect()
    })
}

/// Messages whose id begins so.
pub(crate) fn messages(c: &Connection, prefix: &IdPrefix, limit: u32) -> Result<Vec<OutboxMessage>, Fault> {
    let (first, last) = prefix.bounds();
    let mut statement = c.prepare_cached(MESSAGES)?;
    let found = statement.query_map(params![first, last, limit], |row| Ok(outbox::message(row)?.1))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
