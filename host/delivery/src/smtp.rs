//! Email over SMTP.

mod address;
mod mail;
mod text;

use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use longshore_domain::{DeliveryError, MessageSink, OutboxMessage, Timestamp};
use tokio::sync::OnceCell;

use crate::plain::plain;
use crate::{SecretSource, SinkError};

/// What a mail server answers when it does not want this client, whatever the message: RFC 4954, section 6.
const NOT_WITH_THIS_LOGIN: [u16; 4] = [530, 534, 535, 538];

/// A mail server, and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpOptions {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: SmtpSecurity,
    /// Who says to it that a message may go out; none for a server that takes mail from this machine.
    pub login: Option<SmtpLogin>,
    /// Sender of every message, such as `Shop <shop@example.com>`.
    pub from: String,
    /// Certificates (PEM) of the authorities to trust in place of the machine's.
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a mail server is secured. There is no "if the server can": who stands between could say that it
/// cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Plain at first, then STARTTLS; without it nothing is sent.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

/// A user of a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpLogin {
    /// Name of the user.
    pub username: String,
    /// Where the password is.
    pub password: SecretSource,
}

/// Sends each message as one email, over a connection of its own.
///
/// Connections are not kept: a try may be broken off at any point, and a connection that is left in the middle of one
/// message is no good for another.
pub struct SmtpSink {
    options: SmtpOptions,
    from: Mailbox,
    tls: OnceCell<TlsParameters>,
}

impl std::fmt::Debug for SmtpSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSink").field("options", &self.options).finish_non_exhaustive()
    }
}

impl SmtpSink {
    /// A sink for that server. Nothing is connected yet.
    pub fn new(options: SmtpOptions) -> Result<Self, SinkError> {
        let from = address::mailbox(&options.from)
            .map_err(|why| SinkError(format!("from = {:?} is no email address: {why}", options.from)))?;
        if options.login.is_some() && options.security == SmtpSecurity::None && !is_here(&options.host) {
            return Err(SinkError(format!(
                "the password would go to {} for everybody to read: use security = \"starttls\" or \"tls\"",
                options.host
            )));
        }
        Ok(Self { options, from, tls: OnceCell::new() })
    }

    async fn security(&self) -> Result<Tls, DeliveryError> {
        match self.options.security {
            SmtpSecurity::StartTls => Ok(Tls::Required(self.tls().await?)),
            SmtpSecurity::Tls => Ok(Tls::Wrapper(self.tls().await?)),
            SmtpSecurity::None => Ok(Tls::None),
        }
    }

    /// Made once, since reading the machine's certificates takes a while; but not before it is needed.
    async fn tls(&self) -> Result<TlsParameters, DeliveryError> {
        self.tls.get_or_try_init(|| self.make_tls()).await.cloned()
    }

    async fn make_tls(&self) -> Result<TlsParameters, DeliveryError> {
        let builder = TlsParameters::builder(self.options.host.clone());
        let Some(path) = &self.options.ca_file else {
            let built = tokio::task::spawn_blocking(move || builder.build()).await;
            return built
                .map_err(|error| DeliveryError::transient(error.to_string()))?
                .map_err(|error| DeliveryError::transient(error.to_string()));
        };
        let unusable = |error: &dyn std::fmt::Display| {
            DeliveryError::transient(format!("the ca_file {} cannot be used: {error}", path.display()))
        };
        let pem = tokio::fs::read(path).await.map_err(|error| unusable(&error))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(&error))?;
        builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate)
            .build()
            .map_err(|error| unusable(&error))
    }
}

#[async_trait]
impl MessageSink for SmtpSink {
    fn accepts(&self, recipient: &str) -> Result<(), DeliveryError> {
        let no_address = |why| DeliveryError::permanent(format!("{recipient:?} is no email address: {why}"));
        address::mailbox(recipient).map(|_mailbox| ()).map_err(no_address)
    }

    async fn deliver(&self, message: &OutboxMessage, _now: Timestamp) -> Result<(), DeliveryError> {
        let email = mail::compose(message, &self.from)?;
        let options = &self.options;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
            .port(options.port)
            .tls(self.security().await?)
            // The courier's timeout holds for the whole.
            .timeout(None);
        let mut secrets = Vec::new();
        if let Some(login) = &options.login {
            let password = login.password.read().await?;
            let (username, password) = (login.username.clone(), password.expose().to_owned());
            secrets = vec![
                BASE64.encode(format!("\0{username}\0{password}")),
                BASE64.encode(&password),
                password.clone(),
            ];
            builder = builder.credentials(Credentials::new(username, password));
        }
        match builder.build().send_raw(email.envelope(), &email.formatted()).await {
            Ok(_response) => Ok(()),
            Err(error) if cannot_take_address(&error, email.envelope()) => {
                Err(DeliveryError::permanent(format!(
                    "the mail server {}:{} does not support SMTPUTF8, which an address with letters outside ASCII \
                     before its @ needs: {}",
                    options.host,
                    options.port,
                    outside_ascii(email.envelope()).join(", ")
                )))
            }
            Err(error) => Err(failure(options, &error, &secrets)),
        }
    }
}

/// The addresses of a message that only a server with SMTPUTF8 takes.
fn outside_ascii(envelope: &Envelope) -> Vec<String> {
    let addresses = envelope.from().into_iter().chain(envelope.to());
    addresses.map(ToString::to_string).filter(|address| !address.is_ascii()).collect()
}

/// Whether the message was not even offered, because the server could not have taken its addresses. No other try helps.
fn cannot_take_address(error: &Error, envelope: &Envelope) -> bool {
    let says_why = |text: &str| text.contains("SMTPUTF8") || text.contains("8BITMIME");
    error.is_client() && says_why(&error.to_string()) && !outside_ascii(envelope).is_empty()
}

fn failure(options: &SmtpOptions, error: &Error, secrets: &[String]) -> DeliveryError {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let told = plain(&error.to_string(), &secrets);
    let message = format!("the mail server {}:{}: {told}", options.host, options.port);
    let code = error.status().map(u16::from);
    // A refused login says nothing about the message: it goes out once the operator has mended the login.
    if error.is_permanent() && !code.is_some_and(|code| NOT_WITH_THIS_LOGIN.contains(&code)) {
        DeliveryError::permanent(message)
    } else {
        DeliveryError::transient(message)
    }
}

/// Whether that is this machine, to which nobody listens on the way.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SmtpOptions {
        SmtpOptions {
            host: "mail.example.com".into(),
            port: 587,
            security: SmtpSecurity::StartTls,
            login: Some(SmtpLogin {
                username: "shop".into(),
                password: SecretSource::Env("SHOP_PASSWORD".into()),
            }),
            from: "Shop <shop@example.com>".into(),
            ca_file: None,
        }
    }

    #[test]
    fn a_password_never_goes_out_in_the_clear() {
        assert!(SmtpSink::new(options()).is_ok());
        let open = SmtpOptions { security: SmtpSecurity::None, ..options() };
        assert!(SmtpSink::new(open.clone()).unwrap_err().to_string().contains("starttls"));
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(SmtpSink::new(SmtpOptions { host: host.into(), ..open.clone() }).is_ok());
        }
        assert!(SmtpSink::new(SmtpOptions { login: None, ..open }).is_ok());
    }

    #[test]
    fn the_sender_is_an_address() {
        let error = SmtpSink::new(SmtpOptions { from: "the shop".into(), ..options() }).unwrap_err();
        assert!(error.to_string().contains("the shop"), "{error}");
    }
}
