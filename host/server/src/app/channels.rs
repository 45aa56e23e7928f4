//! What the configuration means for the outbox: a sink and a policy for each channel.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use longshore_delivery::{
    SmtpLogin, SmtpOptions, SmtpSecurity, SmtpSink, SpoolSink, WebhookBody, WebhookOptions, WebhookSink,
    WebhookTarget,
};
use longshore_domain::{MessageSink, RecipientCheck};
use longshore_scheduler::{CallbackChannel, Channel, Channels};

use super::parts::secret_source;
use crate::config::{Body, Config, Security, SinkConfig, SmtpConfig, TargetConfig, WebhookConfig};

/// The channels of the project. Nothing is connected, and no secret read, before there is a message.
pub(super) fn open(config: &Config) -> Result<Channels> {
    let mut channels = Channels::new();
    for (name, channel) in &config.channels {
        let sink = sink(&channel.sink).with_context(|| format!("the channel {name:?} cannot be used"))?;
        channels.insert(name.clone(), Channel { sink, policy: channel.policy.clone() });
    }
    Ok(channels)
}

/// What the sinks say of recipients before a message is accepted.
pub(super) struct SinkRecipients(BTreeMap<String, Arc<dyn MessageSink>>);

impl SinkRecipients {
    pub(super) fn of(channels: &Channels) -> Self {
        Self(channels.iter().map(|(name, channel)| (name.clone(), Arc::clone(&channel.sink))).collect())
    }
}

impl fmt::Debug for SinkRecipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SinkRecipients").field(&self.0.keys()).finish()
    }
}

impl RecipientCheck for SinkRecipients {
    fn check(&self, channel: &str, recipient: &str) -> Result<(), String> {
        let Some(sink) = self.0.get(channel) else { return Ok(()) };
        sink.accepts(recipient).map_err(|error| error.message)
    }
}

/// The channel that tells of the ends of jobs, if callers may ask for that.
pub(super) fn callbacks(config: &Config, channels: &Channels) -> Result<Option<CallbackChannel>> {
    let Some(name) = &config.callbacks else { return Ok(None) };
    let chooses = |channel: &SinkConfig| {
        matches!(channel, SinkConfig::Webhook(WebhookConfig { target: TargetConfig::AllowRecipients(_), .. }))
    };
    match (config.channels.get(name), channels.get(name)) {
        (Some(configured), Some(channel)) if chooses(&configured.sink) => {
            Ok(Some(CallbackChannel { name: name.clone(), sink: Arc::clone(&channel.sink) }))
        }
        (Some(_), Some(_)) => bail!(
            "[callbacks] channel = {name:?}: that channel must be of kind webhook and have allow_recipients, which say \
             where callers may have messages sent"
        ),
        _ => bail!("[callbacks] channel = {name:?}: there is no [channels.{name}] in longshore.toml"),
    }
}

fn sink(config: &SinkConfig) -> Result<Arc<dyn MessageSink>> {
    Ok(match config {
        SinkConfig::Spool { path } => Arc::new(SpoolSink::new(path)),
        SinkConfig::Smtp(config) => Arc::new(SmtpSink::new(smtp(config))?),
        SinkConfig::Webhook(config) => Arc::new(WebhookSink::new(webhook(config))?),
    })
}

fn smtp(config: &SmtpConfig) -> SmtpOptions {
    SmtpOptions {
        host: config.host.clone(),
        port: config.port,
        security: match config.security {
            Security::Starttls => SmtpSecurity::StartTls,
            Security::Tls => SmtpSecurity::Tls,
            Security::None => SmtpSecurity::None,
        },
        login: config.login.as_ref().map(|(username, password)| SmtpLogin {
            username: username.clone(),
            password: secret_source(password),
        }),
        from: config.from.clone(),
        ca_file: config.ca_file.clone(),
    }
}

fn webhook(config: &WebhookConfig) -> WebhookOptions {
    WebhookOptions {
        target: match &config.target {
            TargetConfig::Url(url) => WebhookTarget::Fixed(url.clone()),
            TargetConfig::AllowRecipients(prefixes) => WebhookTarget::Allowed(prefixes.clone()),
        },
        secret: secret_source(&config.secret),
        body: match config.body {
            Body::Message => WebhookBody::Message,
            Body::Json => WebhookBody::Json,
        },
        allow_private: config.allow_private,
        ca_file: config.ca_file.clone(),
        permanent_statuses: config.permanent_statuses.clone(),
    }
}
