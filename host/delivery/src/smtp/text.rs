//! Headers that hold text of others, which must read back as it was written.
//!
//! The mail library leaves ASCII as it is. But ASCII that looks like an encoded word (RFC 2047) is decoded by whoever
//! reads it, and a word that is longer than a line breaks the message: such text is encoded here, all of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::message::Mailbox;
use lettre::message::header::{self, Header, HeaderName, HeaderValue};

/// Bytes of text in one encoded word, so that a line with the name of its header has at most 76 characters.
const WORD_BYTES: usize = 39;

/// Longest word of ASCII that is written as it is; a line may have 998 characters, and should have 78.
const PLAIN_WORD_MAX: usize = 200;

/// Makes a header type whose value was written out already.
macro_rules! header {
    ($type:ident, $name:literal) => {
        #[derive(Clone, Debug)]
        pub(super) struct $type(HeaderValue);

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(HeaderValue::new(Self::name(), text.to_owned())))
            }

            fn display(&self) -> HeaderValue {
                self.0.clone()
            }
        }
    };
}

header!(Subject, "Subject");
header!(From, "From");
header!(To, "To");

impl Subject {
    pub(super) fn new(text: &str) -> Self {
        if is_plain(text) {
            return Self(HeaderValue::new(Self::name(), text.to_owned()));
        }
        Self(HeaderValue::dangerous_new_pre_encoded(Self::name(), text.to_owned(), encoded(text)))
    }
}

impl From {
    pub(super) fn new(mailbox: &Mailbox) -> Self {
        Self(address(Self::name(), mailbox, header::From::from(mailbox_list(mailbox)).display()))
    }
}

impl To {
    pub(super) fn new(mailbox: &Mailbox) -> Self {
        Self(address(Self::name(), mailbox, header::To::from(mailbox_list(mailbox)).display()))
    }
}

fn mailbox_list(mailbox: &Mailbox) -> lettre::message::Mailboxes {
    lettre::message::Mailboxes::new().with(mailbox.clone())
}

/// `usual`, unless the name before the address would be read as something else.
fn address(header: HeaderName, mailbox: &Mailbox, usual: HeaderValue) -> HeaderValue {
    match &mailbox.name {
        Some(name) if !is_plain(name) => {
            let value = format!("{}\r\n <{}>", encoded(name), mailbox.email);
            HeaderValue::dangerous_new_pre_encoded(header, mailbox.to_string(), value)
        }
        _ => usual,
    }
}

/// Whether the mail library's way of writing `text` reads back as `text`.
fn is_plain(text: &str) -> bool {
    !text.contains("=?")
        && !text.contains(char::is_control)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && text.split(' ').all(|word| word.len() <= PLAIN_WORD_MAX)
}

/// `text` as encoded words, one a line.
fn encoded(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        words.push(format!("=?utf-8?b?{}?=", BASE64.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}
