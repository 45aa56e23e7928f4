//! Writes to somebody that it is not granted, after it has tried to smuggle that recipient in.

use gallery::longshore::job::outbox::{Message, send};

gallery::guest!("Writes to somebody that it is not granted.", |_| {
    let smuggled = ["ann@example.com\r\nBcc: eve@evil.test", "ann@example.com\0eve@evil.test"];
    gallery::try_all(smuggled.into_iter().chain(["eve@evil.test"]), |recipient| {
        let message = Message {
            channel: "email".into(),
            key: format!("to-{}", recipient.len()),
            recipient: (*recipient).into(),
            subject: "Hello".into(),
            content_type: "text/plain".into(),
            body: "Hello".into(),
        };
        send(&message).map(|()| "sent".into()).map_err(|error| error.code)
    })
});
