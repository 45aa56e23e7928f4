//! Whether each pending message is going to be sent, and no other.

use rusqlite::Connection;

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use super::rows::in_steps;
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    MESSAGES = "
        SELECT o.number, o.id, o.state = 'pending', d.number IS NOT NULL, d.channel IS o.channel, o.state
        FROM outbox AS o
        LEFT JOIN deliveries AS d ON d.number = o.number
        WHERE o.number > ?1
        ORDER BY o.number
        LIMIT ?2";

    DEAD = "SELECT count(*) FROM outbox INDEXED BY outbox_dead WHERE state = 'dead'";
}

pub(super) fn examine(c: &Connection, notes: &mut Notes<'_>) {
    notes.check("messages", |notes| each(c, notes));
    notes.check("dead messages", |notes| dead(c, notes));
}

fn each(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    in_steps(c, MESSAGES, "messages", notes, |row, notes| {
        let (is_pending, is_queued): (bool, bool) = (row.get(2)?, row.get(3)?);
        let id = || -> Result<_, Fault> { Ok(uuid::Uuid::from_bytes(row.get(1)?)) };
        match (is_pending, is_queued) {
            (true, false) => notes.add(Finding::new(
                FindingCode::MessageNotQueued,
                id()?,
                "The message waits to be delivered, but is not queued for its channel; it would never be sent.",
                "Keep a copy of the database and report it. A backup may still have it queued.",
            )),
            (false, true) => {
                let state = columns::message_state(row, 5)?;
                notes.add(Finding::new(
                    FindingCode::DeliveryDiffers,
                    id()?,
                    format!("The message is {}, but still queued for its channel; it would be sent again.", state.as_str()),
                    "Keep a copy of the database and report it.",
                ));
            }
            (true, true) if !row.get::<_, bool>(4)? => notes.add(Finding::new(
                FindingCode::DeliveryDiffers,
                id()?,
                "The message is queued for another channel than its own.",
                "Keep a copy of the database and report it.",
            )),
            _ => {}
        }
        Ok(())
    })
}

fn dead(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    let count: u64 = c.query_row(DEAD, [], |row| columns::number(row, 0))?;
    if count > 0 {
        notes.add(Finding::new(
            FindingCode::DeadMessages,
            "outbox",
            match count {
                1 => "1 message was given up after its last try.".into(),
                _ => format!("{count} messages were given up after their last try."),
            },
            "`longshore outbox list --dead` shows why; `longshore outbox retry --all` sends them again once that is fixed.",
        ));
    }
    Ok(())
}
