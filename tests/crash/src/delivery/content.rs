//! Whether what was delivered is the message that the store holds.

use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::Value;

use super::outlets::{CALLBACKS, MAIL, WEBHOOK};
use super::received::{Delivery, Kind};
use crate::snapshot::{Message, Task};

/// Whether a delivery has the form that its channel gives to this message.
pub(super) fn is_of(task: &Task, key: &str, message: &Message, delivery: &Delivery) -> bool {
    match (message.channel(), delivery.kind) {
        (MAIL, Kind::Mail) => is_mail_of(message, delivery).unwrap_or(false),
        (WEBHOOK, Kind::Webhook) => {
            let told = serde_json::from_slice::<Value>(&delivery.content);
            let is_addressed =
                has(delivery, "path", "/messages") && has(delivery, "content-type", "application/json");
            is_addressed && told.is_ok_and(|told| message.is_told_by(&told, &task.id, key))
        }
        (CALLBACKS, Kind::Webhook) => {
            let [_, recipient, _, content_type, body] = &message.fields;
            let path = delivery.envelope.get("path");
            let is_addressed = path.is_some_and(|path| path.len() > 1 && recipient.ends_with(path.as_str()));
            is_addressed && has(delivery, "content-type", content_type) && delivery.content == body.as_bytes()
        }
        _ => false,
    }
}

fn has(delivery: &Delivery, name: &str, value: &str) -> bool {
    delivery.envelope.get(name).is_some_and(|found| found == value)
}

fn is_mail_of(message: &Message, delivery: &Delivery) -> Option<bool> {
    let [_, recipient, subject, content_type, body] = &message.fields;
    // `Name <address>`, or the address alone.
    let address = recipient.split(['<', '>']).nth(1).unwrap_or(recipient);
    let mail = MessageParser::default().parse(&delivery.content)?;
    let found_type = mail.content_type()?;
    let found_type = format!("{}/{}", found_type.c_type, found_type.c_subtype.as_deref()?);
    // On the way lines end otherwise, and the last one ends in any case.
    let found_body = mail.root_part().text_contents()?.replace("\r\n", "\n");
    let is_body = [body.as_str(), &format!("{body}\n")].contains(&found_body.as_str());
    Some(
        has(delivery, "from", "shop@example.com")
            && has(delivery, "to", address)
            && mail.to()?.first()?.address()? == address
            && mail.subject()? == subject
            && mail.date()?.to_timestamp() == message.created_at / 1_000
            && content_type.starts_with(&found_type)
            && is_body,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::snapshot::test_task;

    fn stored(channel: &str) -> Message {
        let (id, state, created_at) = ("m-1".into(), "delivered".into(), 1_772_303_400_123);
        let fields = [channel, "Ravi <ravi@example.com>", "पुनः भंडार", "text/plain", "12 × rice\n.\nThanks\n"];
        Message { id, state, created_at, fields: fields.map(str::to_owned) }
    }

    fn delivery(kind: Kind, envelope: &[(&str, &str)], content: &str) -> Delivery {
        let envelope = envelope.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Delivery { kind, id: "m-1".into(), envelope: envelope.collect(), content: content.into() }
    }

    #[test]
    fn a_mail_is_its_message_whatever_it_is_encoded_in() {
        let text = |body: &str| {
            format!(
                "Message-ID: <m-1@example.com>\r\nTo: Ravi <ravi@example.com>\r\nDate: Sat, 28 Feb 2026 18:30:00 +0000\r\n\
                 Subject: =?utf-8?b?4KSq4KWB4KSo4KSDIOCkreCkguCkoeCkvuCksA==?=\r\n\
                 Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{body}"
            )
        };
        let (task, message) = (test_task("t-1"), stored(MAIL));
        let envelope = [("from", "shop@example.com"), ("to", "ravi@example.com")];
        let is_of = |envelope: &[_], message: &Message, body: &str| {
            super::is_of(&task, "a", message, &delivery(Kind::Mail, envelope, &text(body)))
        };
        let later = Message { created_at: message.created_at + 1_000, ..message.clone() };
        let body = "12 =C3=97 rice\r\n.\r\nThanks\r\n";
        assert!(is_of(&envelope, &message, body));
        assert!(is_of(&envelope, &message, &format!("{body}\r\n")));
        assert!(!is_of(&envelope, &message, "13 =C3=97 rice\r\n.\r\nThanks\r\n"));
        assert!(!is_of(&envelope, &later, body));
        assert!(!is_of(&[("from", "shop@example.com"), ("to", "eve@example.com")], &message, body));
    }

    #[test]
    fn a_webhook_tells_the_whole_message() {
        let (task, message) = (test_task("t-1"), stored(WEBHOOK));
        let is_of = |body: &str| {
            let told = serde_json::json!({
                "id": "m-1", "job_id": "t-1", "key": "a", "channel": WEBHOOK, "recipient": message.fields[1],
                "subject": message.fields[2], "content_type": message.fields[3], "body": body,
                "created_at_ms": message.created_at,
            });
            let envelope = [("path", "/messages"), ("content-type", "application/json")];
            super::is_of(&task, "a", &message, &delivery(Kind::Webhook, &envelope, &told.to_string()))
        };
        assert!(is_of(&message.fields[4]));
        assert!(!is_of("13 × rice"));
    }

    #[test]
    fn a_callback_is_its_body_at_the_place_that_was_asked_for() {
        let task = test_task("t-1");
        let fields =
            [CALLBACKS, "http://127.0.0.1:1/callbacks/job-1", "job.completed", "application/json", "{}"];
        let message = Message { fields: fields.map(str::to_owned), ..stored(CALLBACKS) };
        let is_of = |path, body| {
            let envelope = [("path", path), ("content-type", "application/json")];
            super::is_of(&task, "a", &message, &delivery(Kind::Webhook, &envelope, body))
        };
        assert!(is_of("/callbacks/job-1", "{}"));
        assert!(!is_of("/callbacks/job-2", "{}"));
        assert!(!is_of("/callbacks/job-1", "[]"));
        let mail = Delivery { envelope: BTreeMap::new(), ..delivery(Kind::Mail, &[], "{}") };
        assert!(!super::is_of(&task, "a", &message, &mail));
    }
}
