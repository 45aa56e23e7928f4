//! A message as an email. The same for every try: nothing in it comes from the clock or from chance.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox};
use longshore_domain::{DeliveryError, OutboxMessage};

use super::address::mailbox;
use super::text;

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
    let to = mailbox(&new.recipient).map_err(|why| {
        DeliveryError::permanent(format!("the recipient {:?} is no email address: {why}", new.recipient))
    })?;
    let created = Duration::from_millis(u64::try_from(message.created_at.ms()).unwrap_or(0));
    Message::builder()
        .from(from.clone())
        .to(to.clone())
        .header(text::Subject::new(&new.subject))
        .date(UNIX_EPOCH + created)
        .message_id(Some(format!("<{}@{}>", message.id, from.email.domain())))
        .header(AutoSubmitted)
        .header(content_type(&new.content_type)?)
        // After the builder made the envelope's addresses of its own headers.
        .header(text::From::new(from))
        .header(text::To::new(&to))
        .body(body(&new.body))
        .map_err(|error| DeliveryError::permanent(format!("the message makes no email: {error}")))
}

/// The body in a transfer encoding that carries every byte of it. A bare CR, a NUL or another control character is ASCII
/// and would pass for plain text, in which servers may drop or change it.
fn body(text: &str) -> Body {
    let lines = text.replace("\r\n", "\n");
    if lines.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        // Takes any text; what it would give back is a text that is too wild for the encoding.
        let encoded = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable);
        return encoded.unwrap_or_else(Body::new);
    }
    Body::new(text.to_owned())
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

    /// What a reader of mail gets to see of `change`d message: subject, body, first recipient.
    fn read_back(change: impl Fn(&mut NewMessage)) -> (String, String, (String, String)) {
        let mut message = message();
        change(&mut message.message);
        let bytes = text(&message);
        let read = mail_parser::MessageParser::default().parse(bytes.as_bytes()).unwrap();
        let to = read.to().unwrap().first().unwrap();
        (
            read.subject().unwrap().to_owned(),
            read.body_text(0).unwrap().into_owned(),
            (to.name().unwrap_or_default().to_owned(), to.address().unwrap_or_default().to_owned()),
        )
    }

    #[test]
    fn a_subject_reads_back_as_it_was_written() {
        for subject in [
            "Restock",
            "=?utf-8?q?Free_money?=",
            "=?UTF-8?B?RnJlZSBtb25leQ==?= now",
            "Straße =?utf-8?q?x?= überall",
            "a =?utf-8?q?b?= =?utf-8?q?c?= d",
            "=?",
            "?= and =?half",
            "पुनः भंडार",
            "two  spaces   and more",
            " begins and ends with a space ",
            "tab\there",
            "long ".repeat(60).trim_end(),
            &"w".repeat(1_200),
            &"語".repeat(300),
        ] {
            let (read, ..) = read_back(|new| new.subject = subject.to_owned());
            assert_eq!(read, subject);
            let mut message = message();
            message.message.subject = subject.to_owned();
            let lines = text(&message);
            assert!(lines.is_ascii() && lines.lines().all(|line| line.len() <= 998), "{lines}");
        }
    }

    #[test]
    fn a_body_arrives_unharmed_whatever_it_holds() {
        for body in [
            "plain",
            "a\rb",
            "nul\0 here",
            "bell\u{7} and escape \u{1b}[31m",
            "form feed\u{c}delete\u{7f}",
            "ends with a return\r",
            "\r\rtwo first",
            "two\r\r\nbefore a line's end",
            "\u{80}\u{9f} next line \u{85}",
            "trailing spaces  \n\ttab \n",
            "ünïcode \0 and nul",
            ".\n..\nFrom here\n",
            &format!("{}\r{}", "x".repeat(5_000), "y".repeat(100)),
        ] {
            let (_, read, _) = read_back(|new| new.body = body.to_owned());
            let lines = |text: &str| text.replace("\r\n", "\n");
            assert_eq!(lines(&read), lines(body), "{body:?}");
            let mut message = message();
            message.message.body = body.to_owned();
            let mail = text(&message);
            let odd = mail.replace("\r\n", "");
            assert!(!odd.contains(|c: char| c.is_control() && c != '\t'), "{mail:?}");
        }
    }

    #[test]
    fn a_domain_outside_ascii_is_written_as_its_a_label() {
        for (recipient, name, address) in [
            ("ravi@bücher.example", "", "ravi@xn--bcher-kva.example"),
            ("Ravi <ravi@BÜCHER.example>", "Ravi", "ravi@xn--bcher-kva.example"),
            ("रवि <ravi@भारत.example>", "रवि", "ravi@xn--h2brj9c.example"),
            ("ravi@xn--bcher-kva.example", "", "ravi@xn--bcher-kva.example"),
        ] {
            let (.., to) = read_back(|new| new.recipient = recipient.to_owned());
            assert_eq!(to, (name.to_owned(), address.to_owned()), "{recipient}");
        }
        let from = mailbox("Shop <shop@büro.example>").unwrap();
        let mail = compose(&message(), &from).unwrap();
        assert_eq!(mail.envelope().from().unwrap().to_string(), "shop@xn--bro-hoa.example");
        let text = String::from_utf8(mail.formatted()).unwrap();
        assert!(text.contains("@xn--bro-hoa.example>\r\n") && text.is_ascii(), "{text}");
    }

    #[test]
    fn a_name_that_looks_encoded_reads_back_as_written() {
        let name = "=?utf-8?q?Boss?=";
        let (.., to) = read_back(|new| new.recipient = format!("\"{name}\" <ravi@supplier.example>"));
        assert_eq!(to, (name.into(), "ravi@supplier.example".into()));
    }

    #[test]
    fn no_text_makes_a_header_of_its_own() {
        for evil in [
            "x\r\nBcc: all@example.com",
            "x\nBcc: all@example.com",
            "x\rBcc: all@example.com",
            "\0\r\n\r\nbody",
        ] {
            let mut message = message();
            message.message.subject = evil.into();
            let mail = text(&message);
            assert!(!mail.contains("\nBcc") && !mail.contains("\rBcc"), "{mail}");
            assert_eq!(mail.matches("\r\n\r\n").count(), 1, "{mail}");
            message.message.recipient = format!("{evil} <a@example.com>");
            if let Ok(mail) = compose(&message, &"shop@example.com".parse().unwrap()) {
                let mail = String::from_utf8(mail.formatted()).unwrap();
                assert!(!mail.contains("\nBcc") && !mail.contains("\rBcc"), "{mail}");
            }
        }
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
