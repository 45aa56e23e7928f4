//! The messages of all tasks: listed, and sent again where they were given up.

use longshore_domain::{MessageFilter, MessagePage, MessageState, ResendAnswer, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::outbox;
use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

/// Messages on one page at most.
const PAGE_MAX: u32 = 1_000;

statements! {
    ALL = "
        SELECT o.number, o.id, t.id, o.created_at, o.state, o.tries, o.last_error, o.delivered_at,
            o.channel, o.key, o.recipient, o.subject, o.content_type, o.body,
            (SELECT due_at FROM deliveries WHERE number = o.number)
        FROM outbox AS o
        CROSS JOIN tasks AS t ON t.seq = o.seq
        WHERE o.number < ?1
        ORDER BY o.number DESC LIMIT ?2";

    DEAD = "
        SELECT o.number, o.id, t.id, o.created_at, o.state, o.tries, o.last_error, o.delivered_at,
            o.channel, o.key, o.recipient, o.subject, o.content_type, o.body,
            (SELECT due_at FROM deliveries WHERE number = o.number)
        FROM outbox AS o INDEXED BY outbox_dead
        CROSS JOIN tasks AS t ON t.seq = o.seq
        WHERE o.state = 'dead' AND o.number < ?1
        ORDER BY o.number DESC LIMIT ?2";

    STATE = "SELECT state FROM outbox WHERE id = ?1";

    REVIVE = "
        UPDATE outbox SET state = 'pending', tries = 0
        WHERE id = ?1 AND state = 'dead'
        RETURNING number, channel";

    TO_DELIVER = "INSERT INTO deliveries (number, channel, due_at) VALUES (?1, ?2, ?3)";

    ALL_TO_DELIVER = "
        INSERT INTO deliveries (number, channel, due_at)
        SELECT number, channel, ?1 FROM outbox INDEXED BY outbox_dead WHERE state = 'dead'";

    REVIVE_ALL = "UPDATE outbox INDEXED BY outbox_dead SET state = 'pending', tries = 0 WHERE state = 'dead'";
}

/// A page of messages, newest first.
pub(crate) fn list(c: &Connection, filter: &MessageFilter) -> Result<MessagePage, Fault> {
    let before = match &filter.after {
        None => i64::MAX,
        Some(marker) => read_marker(marker)?,
    };
    let limit = filter.limit.clamp(1, PAGE_MAX);
    let mut statement = c.prepare_cached(if filter.dead { DEAD } else { ALL })?;
    // One more than asked for, to know whether there is a next page.
    let mut found = statement
        .query_map(params![before, limit + 1], outbox::message)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|(number, _)| marker(*number));
    Ok(MessagePage { messages: found.into_iter().map(|(_, message)| message).collect(), next })
}

fn marker(number: i64) -> String {
    format!("m{number:x}")
}

fn read_marker(marker: &str) -> Result<i64, Fault> {
    let number = marker.strip_prefix('m').and_then(|digits| i64::from_str_radix(digits, 16).ok());
    number.ok_or(Fault::NoSuchPage)
}

/// Makes a message due that was given up. Its tries count anew, as the attempts of a task do that is run again, or the
/// first failure would be the last; what the last try said stays until the next one says something else.
pub(crate) fn resend(c: &Connection, id: Uuid, now: Timestamp) -> Result<ResendAnswer, Fault> {
    let revived: Option<(i64, String)> = c
        .prepare_cached(REVIVE)?
        .query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((number, channel)) = revived {
        let added = c.prepare_cached(TO_DELIVER)?.execute(params![number, channel, now.ms()])?;
        exactly_one(added, "sending a message again")?;
        return Ok(ResendAnswer::Queued);
    }
    let state: Option<MessageState> = c
        .prepare_cached(STATE)?
        .query_row([id.as_bytes()], |row| columns::message_state(row, 0))
        .optional()?;
    Ok(state.map_or(ResendAnswer::NotFound, ResendAnswer::NotDead))
}

/// As [`resend`], for every message that was given up.
pub(crate) fn resend_dead(c: &Connection, now: Timestamp) -> Result<u64, Fault> {
    c.prepare_cached(ALL_TO_DELIVER)?.execute([now.ms()])?;
    Ok(c.prepare_cached(REVIVE_ALL)?.execute([])? as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back() {
        for number in [1, 255, i64::MAX] {
            assert_eq!(read_marker(&marker(number)).unwrap(), number);
        }
        for bad in ["", "m", "12", "s1", "mxyz"] {
            assert!(read_marker(bad).is_err(), "{bad:?} was taken");
        }
    }
}
