//! What leaves the machine: messages to a mail server, a webhook, a folder, and the calls of jobs.
//!
//! Each sink is a [`MessageSink`](longshore_domain::MessageSink): it makes one try, and says whether another may help.
//! When to try, how often and how long is the courier's business. No guest reaches a sink; the host delivers what
//! was committed. What a guest calls itself goes through [`WebClient`], as far as its policy lets it.

mod net;
mod plain;
mod secret;
mod smtp;
mod spool;
mod web_client;
mod webhook;
mod whole;

pub use secret::{NamedSecrets, SecretSource};
pub use smtp::{SmtpLogin, SmtpOptions, SmtpSecurity, SmtpSink};
pub use spool::SpoolSink;
pub use web_client::WebClient;
pub use webhook::{WebhookBody, WebhookOptions, WebhookSink, WebhookTarget};

/// A channel is configured with values that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(String);
