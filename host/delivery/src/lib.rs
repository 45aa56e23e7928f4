//! Where messages go: a mail server, a webhook, a folder.
//!
//! Each sink is a [`MessageSink`](longshore_domain::MessageSink): it makes one try, and says whether another may help.
//! When to try, how often and how long is the courier's business. A guest never comes here; the host delivers what was
//! committed.

mod plain;
mod secret;
mod smtp;
mod spool;
mod trust;
mod webhook;
mod whole;

pub use secret::SecretSource;
pub use smtp::{SmtpLogin, SmtpOptions, SmtpSecurity, SmtpSink};
pub use spool::SpoolSink;
pub use webhook::{WebhookBody, WebhookOptions, WebhookSink, WebhookTarget};

/// A channel is configured with values that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(String);
