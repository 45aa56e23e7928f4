//! Writes through a channel that it is not granted.

use gallery::longshore::job::outbox::{Message, send};

gallery::guest!("Writes through a channel that it is not granted.", |_| {
    gallery::try_all(["email"], |channel| {
        let message = Message {
            channel: (*channel).into(),
            key: "one".into(),
            recipient: "somebody@example.com".into(),
            subject: "Hello".into(),
            content_type: "text/plain".into(),
            body: "Hello".into(),
        };
        send(&message).map(|()| "sent".into()).map_err(|error| error.code)
    })
});
