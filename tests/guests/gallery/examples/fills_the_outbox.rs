//! Sends messages as large as a message may be, and never saves.

use gallery::longshore::job::outbox::{Message, send};

/// A little less than the 256 KiB of the default limit, for the other fields count, too.
const BODY_BYTES: usize = 255 * 1024;

gallery::guest!("Sends large messages without end.", |_| {
    for number in 0.. {
        let message = Message {
            channel: "email".into(),
            key: format!("message-{number}"),
            recipient: "somebody@example.com".into(),
            subject: "Hello".into(),
            content_type: "text/plain".into(),
            body: "x".repeat(BODY_BYTES),
        };
        send(&message).map_err(|error| gallery::JobError::Failed(error.code))?;
    }
    unreachable!("there is a message for each number")
});
