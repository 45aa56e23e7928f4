//! A message as an email. The same for every try: nothing in it comes from the clock or from chance.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use longshore_domain::{DeliveryError, OutboxMessage};

/// Says that no person wrote it, so that no machine answers it (RFC 3834).
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// The email. Its Message-ID is made of the message's id, by which servers and people tell a repetition.
pub(super) fn compose(message: &OutboxMessage, from: &Mailbox) -> Result<Message, DeliveryError> {
    let new = &message.message;
    let to: Mailbox = new.recipient.parse().map_err(|error| {
        DeliveryError::permanent(format!("the recipient {:?} is no email address: {error}", new.recipient))
    })?;
    let created = Duration::from_millis(u64::try_from(message.created_at.ms()).unwrap_or(0));
    Message::builder()
        .from(from.clone())
        .to(to)
        .subject(&new.subject)
        .date(UNIX_EPOCH + created)
        .message_id(Some(format!("<{}@{}>", message.id, from.email.domain())))
        .header(AutoSubmitted)
        .header(content_type(&new.content_type)?)
        .body(new.body.clone())
        .map_err(|error| DeliveryError::permanent(format!("the message makes no email: {error}")))
}

/// The content type of a message, which is text in UTF-8.
fn content_type(name: &str) -> Result<ContentType, DeliveryError> {
    let lower = name.to_ascii_lowercase();
    let refused = |why: &str| DeliveryError::permanent(format!("the content type {name:?} {why}"));
    if lower.starts_with("multipart/") || lower.starts_with("message/") {
        return Err(refused("is for messages of several parts; a message has one"));
    }
    let whole = if lower.starts_with("text/") && !lower.contains("charset") {
        format!("{name}; charset=utf-8")
    } else {
        name.to_owned()
    };
    ContentType::parse(&whole).map_err(|_| refused("is none; text/plain or text/html would be"))
}

#[cfg(test)]
mod tests {
    use longshore_domain::{MessageState, NewMessage, TaskId, Timestamp, message_id};

    use super::*;

    fn message() -> OutboxMessage {
        let task: TaskId = "5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11".parse().unwrap();
        OutboxMessage {
            id: message_id(task, "a"),
            task,
            message: NewMessage {
                channel: "email".into(),
                key: "a".into(),
                recipient: "Ravi <ravi@supplier.example>".into(),
                subject: "पुनः भंडार".into(),
                content_type: "text/plain".into(),
                body: "Please send 12 × rice.\n.\nThank you\n".into(),
            },
            created_at: Timestamp::from_ms(1_772_303_400_000),
            state: MessageState::Pending,
            tries: 1,
            last_error: None,
            delivered_at: None,
            next_try_at: None,
        }
    }

    fn text(message: &OutboxMessage) -> String {
        let from = "Shop <shop@example.com>".parse().unwrap();
        String::from_utf8(compose(message, &from).unwrap().formatted()).unwrap()
    }

    #[test]
    fn every_try_sends_the_same_email() {
        let message = message();
        let email = text(&message);
        assert_eq!(email, text(&OutboxMessage { tries: 5, ..message.clone() }));
        for line in [
            format!("Message-ID: <{}@example.com>\r\n", message.id),
            "Date: Sat, 28 Feb 2026 18:30:00 +0000\r\n".into(),
            "From: Shop <shop@example.com>\r\n".into(),
            "To: Ravi <ravi@supplier.example>\r\n".into(),
            "Auto-Submitted: auto-generated\r\n".into(),
            "Content-Type: text/plain; charset=utf-8\r\n".into(),
        ] {
            assert!(email.contains(&line), "{line} is not in {email}");
        }
        assert!(email.contains("Subject: =?utf-8?b?"), "{email}");
    }

    #[test]
    fn what_makes_no_email_is_given_up() {
        let from = "shop@example.com".parse().unwrap();
        let refused = |change: fn(&mut NewMessage)| {
            let mut message = message();
            change(&mut message.message);
            let error = compose(&message, &from).unwrap_err();
            assert!(!error.retryable, "{error}");
            error.message
        };
        assert!(refused(|new| new.recipient = "nobody".into()).contains("nobody"));
        assert!(
            refused(|new| new.recipient = "a@example.com, b@example.com".into()).contains("no email address")
        );
        assert!(refused(|new| new.content_type = "multipart/mixed".into()).contains("several parts"));
        assert!(refused(|new| new.content_type = "plain".into()).contains("is none"));
    }
}
