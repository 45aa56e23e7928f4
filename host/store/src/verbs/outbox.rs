//! Messages: committed with the effects of an attempt, then handed out until they are delivered.

use longshore_domain::{
    ClaimedMessages, HOST_KEY_PREFIX, LOST_TRIES_MAX, MessageClaim, NewMessage, OutboxMessage, SentMessages,
    Spent, TaskId, Timestamp, WorkerId, message_id,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    COMMIT = "
        INSERT INTO outbox (id, seq, created_at, state, tries, channel, key, recipient, subject, content_type, body)
        VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (id) DO NOTHING";

    TO_DELIVER = "INSERT INTO deliveries (number, channel, due_at) VALUES (?1, ?2, ?3)";

    /// The first channel after another, and when its first message is due.
    NEXT_CHANNEL = "
        SELECT channel, due_at FROM deliveries INDEXED BY deliveries_due
        WHERE channel > ?1
        ORDER BY channel, due_at LIMIT 1";

    DUE = "
        SELECT d.number, o.id, t.id, o.created_at, o.state, o.tries + 1, o.last_error, o.delivered_at,
            o.channel, o.key, o.recipient, o.subject, o.content_type, o.body, d.due_at
        FROM deliveries AS d INDEXED BY deliveries_due
        CROSS JOIN outbox AS o ON o.number = d.number
        CROSS JOIN tasks AS t ON t.seq = o.seq
        WHERE d.channel = ?1 AND d.due_at <= ?2
        ORDER BY d.due_at, d.number
        LIMIT ?3";

    SPENT = "SELECT spent_until FROM channel_rates WHERE channel = ?1";

    SPEND = "
        INSERT INTO channel_rates (channel, spent_until) VALUES (?1, ?2)
        ON CONFLICT (channel) DO UPDATE SET spent_until = excluded.spent_until";

    HOLD = "UPDATE deliveries SET due_at = ?2, holder = ?3, noted_at = ?4 WHERE number = ?1";

    LET_GO = "UPDATE deliveries SET due_at = ?2, holder = NULL WHERE number = ?1";

    HELD = "SELECT number FROM deliveries INDEXED BY deliveries_holder WHERE holder = ?1";

    GIVE_TRY_BACK = "
        UPDATE outbox SET tries = tries - 1, lost_tries = lost_tries + 1
        WHERE number = ?1 AND tries > 0 AND lost_tries < ?2";

    COUNT_TRY = "UPDATE outbox SET tries = tries + 1 WHERE number = ?1";

    DELIVERED = "
        UPDATE outbox SET state = 'delivered', delivered_at = ?2
        WHERE id = ?1 AND state = 'pending'
        RETURNING number";

    FAILED = "
        UPDATE outbox SET last_error = ?3, state = CASE WHEN ?4 THEN 'pending' ELSE 'dead' END
        WHERE id = ?1 AND state = 'pending' AND tries = ?2
        RETURNING number";

    DROP_DELIVERY = "DELETE FROM deliveries WHERE number = ?1";

    OF_TASK = "
        SELECT o.number, o.id, t.id, o.created_at, o.state, o.tries, o.last_error, o.delivered_at,
            o.channel, o.key, o.recipient, o.subject, o.content_type, o.body,
            (SELECT due_at FROM deliveries WHERE number = o.number)
        FROM tasks AS t
        CROSS JOIN outbox AS o INDEXED BY outbox_task ON o.seq = t.seq
        WHERE t.id = ?1
        ORDER BY o.number";

    /// Without those of the host.
    SENT = "
        SELECT o.key, octet_length(o.channel) + octet_length(o.key) + octet_length(o.recipient)
            + octet_length(o.subject) + octet_length(o.content_type) + octet_length(o.body)
        FROM tasks AS t
        CROSS JOIN outbox AS o INDEXED BY outbox_task ON o.seq = t.seq
        WHERE t.id = ?1 AND substr(o.key, 1, length(?2)) <> ?2
        ORDER BY o.number";
}

/// Commits messages of a task, and says how many are new. One whose key the task has committed before is the same
/// message, and the first stays.
pub(crate) fn commit(
    c: &Connection,
    task: TaskId,
    seq: i64,
    messages: &[NewMessage],
    at: Timestamp,
) -> Result<u32, Fault> {
    let mut new = 0;
    for message in messages {
        let inserted = c.prepare_cached(COMMIT)?.execute(params![
            message_id(task, &message.key).as_bytes(),
            seq,
            at.ms(),
            message.channel,
            message.key,
            message.recipient,
            message.subject,
            message.content_type,
            message.body,
        ])?;
        if inserted == 1 {
            c.prepare_cached(TO_DELIVER)?.execute(params![
                c.last_insert_rowid(),
                message.channel,
                at.ms()
            ])?;
            new += 1;
        }
    }
    Ok(new)
}

/// The channels that have messages which are due.
pub(crate) fn due_channels(c: &Connection, now: Timestamp) -> Result<Vec<String>, Fault> {
    let mut statement = c.prepare_cached(NEXT_CHANNEL)?;
    let mut due = Vec::new();
    let mut last = String::new();
    // One step for each channel, however many messages wait.
    while let Some((channel, due_at)) = statement
        .query_row([&last], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .optional()?
    {
        last.clone_from(&channel);
        if due_at <= now.ms() {
            due.push(channel);
        }
    }
    Ok(due)
}

/// Hands out messages to deliver. A try counts against the rate, whether or not it is the first of its message.
pub(crate) fn claim(c: &Connection, claim: &MessageClaim) -> Result<ClaimedMessages, Fault> {
    let spent = spent(c, &claim.channel)?;
    let limit = claim.rate.map_or(claim.limit, |rate| rate.allows(spent, claim.now).min(claim.limit));
    let due = c
        .prepare_cached(DUE)?
        .query_map(params![claim.channel, claim.now.ms(), limit], message)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut messages = Vec::with_capacity(due.len());
    for (number, message) in due {
        let held = c.prepare_cached(HOLD)?.execute(params![
            number,
            claim.lease_until.ms(),
            claim.worker.as_str(),
            claim.now.ms()
        ])?;
        exactly_one(held, "handing out a message")?;
        exactly_one(c.prepare_cached(COUNT_TRY)?.execute([number])?, "counting a try of a message")?;
        messages.push(message);
    }
    let Some(rate) = claim.rate else { return Ok(ClaimedMessages { messages, next_at: None }) };
    let count = messages.len() as u32;
    let spent = rate.spend(spent, claim.now, count);
    if count > 0 {
        c.prepare_cached(SPEND)?.execute(params![claim.channel, spent.until_us])?;
    }
    // Fewer than the rate allows were due, or the caller takes no more: then it is not the rate that holds any back.
    let held_back = count == limit && limit < claim.limit;
    Ok(ClaimedMessages { messages, next_at: held_back.then(|| rate.next_start(spent, claim.now)) })
}

/// How much of its rate a channel has used.
fn spent(c: &Connection, channel: &str) -> Result<Spent, Fault> {
    let until_us = c.prepare_cached(SPENT)?.query_row([channel], |row| row.get(0)).optional()?;
    Ok(Spent { until_us: until_us.unwrap_or(0) })
}

/// Notes that a message was delivered. One that was before, or that is not known, stays as it is.
pub(crate) fn delivered(c: &Connection, id: Uuid, now: Timestamp) -> Result<(), Fault> {
    let mut statement = c.prepare_cached(DELIVERED)?;
    let mut rows = statement.query(params![id.as_bytes(), now.ms()])?;
    if let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        drop(rows);
        exactly_one(c.prepare_cached(DROP_DELIVERY)?.execute([number])?, "noting a delivery")?;
    }
    Ok(())
}

/// Notes that a try failed, unless another has begun since.
pub(crate) fn failed(
    c: &Connection,
    id: Uuid,
    tries: u32,
    error: &str,
    retry_at: Option<Timestamp>,
) -> Result<(), Fault> {
    let mut statement = c.prepare_cached(FAILED)?;
    let mut rows = statement.query(params![id.as_bytes(), tries, error, retry_at.is_some()])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let number: i64 = row.get(0)?;
    drop(rows);
    let changed = match retry_at {
        Some(at) => c.prepare_cached(LET_GO)?.execute(params![number, at.ms()])?,
        None => c.prepare_cached(DROP_DELIVERY)?.execute([number])?,
    };
    exactly_one(changed, "noting a failed delivery")
}

/// Lets the messages that a worker holds be tried again now, and returns how many.
pub(crate) fn free(c: &Connection, worker: &WorkerId, now: Timestamp) -> Result<u32, Fault> {
    let held = c
        .prepare_cached(HELD)?
        .query_map([worker.as_str()], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for number in &held {
        exactly_one(c.prepare_cached(LET_GO)?.execute(params![number, now.ms()])?, "freeing a message")?;
        c.prepare_cached(GIVE_TRY_BACK)?.execute(params![number, LOST_TRIES_MAX])?;
    }
    Ok(held.len() as u32)
}

/// The messages of a task, in the order of their commit.
pub(crate) fn of_task(c: &Connection, task: TaskId) -> Result<Vec<OutboxMessage>, Fault> {
    let mut statement = c.prepare_cached(OF_TASK)?;
    let messages = statement.query_map([task.as_bytes()], |row| Ok(message(row)?.1))?;
    Ok(messages.collect::<rusqlite::Result<_>>()?)
}

/// What a task has sent, in the order of their commit.
pub(crate) fn sent(c: &Connection, task: TaskId) -> Result<SentMessages, Fault> {
    let mut statement = c.prepare_cached(SENT)?;
    let mut rows = statement.query(params![task.as_bytes(), HOST_KEY_PREFIX])?;
    let mut sent = SentMessages::default();
    while let Some(row) = rows.next()? {
        sent.keys.push(row.get(0)?);
        sent.bytes += row.get::<_, i64>(1)? as u64;
    }
    Ok(sent)
}

/// A message and its number.
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<(i64, OutboxMessage)> {
    let message = OutboxMessage {
        id: Uuid::from_bytes(row.get(1)?),
        task: columns::task_id(row, 2)?,
        created_at: columns::time(row, 3)?,
        state: columns::message_state(row, 4)?,
        tries: row.get(5)?,
        last_error: row.get(6)?,
        delivered_at: columns::time_or_none(row, 7)?,
        next_try_at: columns::time_or_none(row, 14)?,
        message: NewMessage {
            channel: row.get(8)?,
            key: row.get(9)?,
            recipient: row.get(10)?,
            subject: row.get(11)?,
            content_type: row.get(12)?,
            body: row.get(13)?,
        },
    };
    Ok((row.get(0)?, message))
}
