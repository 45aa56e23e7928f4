//! Sends messages without end.

use gallery::longshore::job::outbox::{Message, send};

gallery::guest!("Sends messages without end.", |_| {
    for number in 0.. {
        let message = Message {
            channel: "email".into(),
            key: format!("message-{number}"),
            recipient: "somebody@example.com".into(),
            subject: "Hello".into(),
            content_type: "text/plain".into(),
            body: "Hello again".into(),
        };
        send(&message).map_err(|error| gallery::JobError::Failed(error.code))?;
    }
    unreachable!("there is a message for each number")
});
