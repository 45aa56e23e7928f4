//! Webhooks after the Standard Webhooks specification: one signed POST a message.

mod answer;
mod post;
mod signature;
mod target;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use longshore_domain::{DeliveryError, MessageSink, OutboxMessage, Timestamp};
use rustls::ClientConfig;
use tokio::sync::OnceCell;

use self::signature::Key;
use self::target::Target;
use crate::net::address::{self, AddressError, Asker};
use crate::net::trust;
use crate::whole::as_json;
use crate::{SecretSource, SinkError};

/// A receiver of webhooks, and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookOptions {
    /// Where messages go.
    pub target: WebhookTarget,
    /// Where the signing secret is, of the form `whsec_…`. It may be several, one a line: the first is the one of now,
    /// the others are of use while receivers change over. Each signs.
    pub secret: SecretSource,
    /// What is posted.
    pub body: WebhookBody,
    /// Whether addresses may be taken that are not on the public internet, such as those of this machine. Only to such
    /// may a message go without TLS, too.
    pub allow_private: bool,
    /// Certificates (PEM) of the authorities to trust in place of the machine's.
    pub ca_file: Option<PathBuf>,
    /// Statuses that end a message at once. 410 always does; every other one is retried by the channel's policy.
    pub permanent_statuses: BTreeSet<u16>,
}

/// Where webhooks go. The operator says it; a job may at most choose among what the operator named, or any job could make
/// the host call whom it likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookTarget {
    /// All to this URL, whoever the recipient is.
    Fixed(String),
    /// To the URL that is the message's recipient, if it is one of these or below one of these.
    Allowed(Vec<String>),
}

/// What is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookBody {
    /// The body of the message, under its own content type.
    #[default]
    Message,
    /// The whole message as JSON: id, recipient, subject and the rest.
    Json,
}

/// Posts each message, signed, and believes what the status code says.
pub struct WebhookSink {
    options: WebhookOptions,
    target: Target,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl WebhookSink {
    /// A sink for that receiver. Nothing is connected yet.
    pub fn new(options: WebhookOptions) -> Result<Self, SinkError> {
        let target = Target::new(&options.target, options.allow_private)?;
        Ok(Self { options, target, tls: OnceCell::new() })
    }

    fn request(&self, message: &OutboxMessage) -> Result<(HeaderValue, Bytes), DeliveryError> {
        match self.options.body {
            WebhookBody::Json => {
                Ok((HeaderValue::from_static("application/json"), as_json(message).to_string().into()))
            }
            WebhookBody::Message => {
                let name = &message.message.content_type;
                let content_type = HeaderValue::from_str(name).map_err(|_| {
                    DeliveryError::permanent(format!("the content type {name:?} cannot be a header"))
                })?;
                Ok((content_type, message.message.body.clone().into()))
            }
        }
    }
}

#[async_trait]
impl MessageSink for WebhookSink {
    fn accepts(&self, recipient: &str) -> Result<(), DeliveryError> {
        self.target.url(recipient).map(|_url| ())
    }

    async fn deliver(&self, message: &OutboxMessage, now: Timestamp) -> Result<(), DeliveryError> {
        let url = self.target.url(&message.message.recipient)?;
        let (content_type, body) = self.request(message)?;
        let secret = self.options.secret.read().await?;
        let keys = secret.expose().lines().map(Key::parse).collect::<Result<Vec<_>, _>>()?;
        // The time of this try, not of the message: receivers refuse what was signed too long ago.
        let timestamp = now.ms().div_euclid(1_000);
        let id = message.id.to_string();
        let signature = signature::sign(&keys, &id, timestamp, &body);
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, content_type),
            (USER_AGENT, HeaderValue::from_static(concat!("Longshore/", env!("CARGO_PKG_VERSION")))),
            (HeaderName::from_static("webhook-id"), ascii(&id)?),
            (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(timestamp)),
            (HeaderName::from_static("webhook-signature"), ascii(&signature)?),
        ]);
        let addresses = address::resolve(&url, self.options.allow_private, Asker::Host)
            .await
            .map_err(|error| not_called(&error))?;
        let tls = match url.scheme() {
            "https" => {
                let make = || trust::client_config(self.options.ca_file.as_deref());
                Some(Arc::clone(self.tls.get_or_try_init(make).await?))
            }
            _ => None,
        };
        let answer = post::post(&url, &addresses, tls, headers, body).await?;
        // What comes after the host may be a secret, as with receivers that know a sender by its URL; and servers repeat
        // what they were sent.
        let mut secrets = vec![url.path(), secret.expose(), &signature];
        secrets.extend(url.query());
        secrets.extend(secret.expose().lines());
        secrets.retain(|secret| secret.len() > 1);
        answer.judge(&url.origin().ascii_serialization(), now, &self.options.permanent_statuses, &secrets)
    }
}

fn ascii(text: &str) -> Result<HeaderValue, DeliveryError> {
    HeaderValue::from_str(text).map_err(|error| DeliveryError::permanent(error.to_string()))
}

fn not_called(error: &AddressError) -> DeliveryError {
    match error {
        AddressError::NotFound(_) => DeliveryError::transient(error.to_string()),
        AddressError::Private { .. } => {
            DeliveryError::permanent(format!("{error}; allow_private = true in the channel would allow it"))
        }
        AddressError::Plain(_) => DeliveryError::permanent(error.to_string()),
    }
}
