//! Outbox channels in `longshore.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_domain::{RateLimit, RetryPolicy, Share};
use longshore_scheduler::ChannelPolicy;

use super::file::{within, within_some};
use super::secret::SecretConfig;

/// An outbox channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Where its messages go.
    pub sink: SinkConfig,
    /// When they are tried, how often and how long.
    pub policy: ChannelPolicy,
}

/// Where the messages of a channel go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkConfig {
    /// A folder that gets one file a message.
    Spool {
        /// The folder.
        path: PathBuf,
    },
    /// A mail server.
    Smtp(SmtpConfig),
    /// An HTTP server that gets one signed POST a message.
    Webhook(WebhookConfig),
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpConfig {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// User and where the password is.
    pub login: Option<(String, SecretConfig)>,
    /// Sender of every message.
    pub from: String,
    /// Certificates of the authorities to trust in place of the machine's.
    pub ca_file: Option<PathBuf>,
}

/// A receiver of webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Where messages go.
    pub target: TargetConfig,
    /// Where the signing secret is.
    pub secret: SecretConfig,
    /// What is posted.
    pub body: Body,
    /// Whether addresses may be taken that are not on the public internet.
    pub allow_private: bool,
    /// Certificates of the authorities to trust in place of the machine's.
    pub ca_file: Option<PathBuf>,
    /// Statuses besides 410 that end a message at once.
    pub permanent_statuses: BTreeSet<u16>,
}

/// Where webhooks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetConfig {
    /// All to one URL.
    Url(String),
    /// To the recipient of each message, if it is below one of these URLs.
    AllowRecipients(Vec<String>),
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Plain at first, then STARTTLS; without it nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

impl Security {
    /// The port that servers of this kind have.
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// What a webhook posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// The body of the message.
    #[default]
    Message,
    /// The whole message as JSON.
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Spool,
    Smtp,
    Webhook,
}

/// The table as it is written. One flat table, and not one for each kind, so that a setting that does not exist is told
/// with its line.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Kind,
    // Spool.
    path: Option<PathBuf>,
    // SMTP.
    host: Option<String>,
    #[serde(default, deserialize_with = "within_some::<_, u16, 1, 65_535>")]
    port: Option<u16>,
    security: Option<Security>,
    username: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    from: Option<String>,
    // Webhook.
    url: Option<String>,
    allow_recipients: Option<Vec<String>>,
    secret_env: Option<String>,
    secret_file: Option<PathBuf>,
    body: Option<Body>,
    allow_private: Option<bool>,
    permanent_statuses: Option<BTreeSet<u16>>,
    // SMTP and webhook.
    ca_file: Option<PathBuf>,
    // All.
    #[serde(default, deserialize_with = "within_some::<_, u64, 100, 600_000>")]
    timeout_ms: Option<u64>,
    #[serde(default, deserialize_with = "within_some::<_, u32, 1, 1_000>")]
    concurrency: Option<u32>,
    rate: Option<RateLimit>,
    #[serde(default)]
    retry: Retry,
}

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Retry {
    #[serde(deserialize_with = "within::<_, u32, 1, 1_000>")]
    max_attempts: u32,
    min_backoff_ms: u64,
    max_backoff_ms: u64,
    max_doublings: u32,
    jitter: Share,
}

impl Default for Retry {
    fn default() -> Self {
        let RetryPolicy { max_attempts, min_backoff_ms, max_backoff_ms, max_doublings, jitter, .. } =
            ChannelPolicy::default_retry();
        Self { max_attempts, min_backoff_ms, max_backoff_ms, max_doublings, jitter }
    }
}

/// A channel as it was read and found to make sense; its paths are as they were written.
#[derive(serde::Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Channel(ChannelConfig);

impl Channel {
    /// Makes every path absolute, seen from the folder `project`.
    pub(super) fn resolve(self, project: &Path) -> ChannelConfig {
        let Self(mut channel) = self;
        let absolute = |path: &mut PathBuf| *path = project.join(&path);
        match &mut channel.sink {
            SinkConfig::Spool { path } => absolute(path),
            SinkConfig::Smtp(smtp) => {
                smtp.ca_file.iter_mut().for_each(absolute);
                smtp.login.iter_mut().for_each(|(_, password)| password.resolve(project));
            }
            SinkConfig::Webhook(webhook) => {
                webhook.ca_file.iter_mut().for_each(absolute);
                webhook.secret.resolve(project);
            }
        }
        channel
    }
}

impl TryFrom<Written> for Channel {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let policy = policy(&mut written);
        let sink = match written.kind {
            Kind::Spool => {
                SinkConfig::Spool { path: needed(written.path.take(), "spool", "path, the folder")? }
            }
            Kind::Smtp => SinkConfig::Smtp(smtp(&mut written)?),
            Kind::Webhook => SinkConfig::Webhook(webhook(&mut written)?),
        };
        match left_over(&written) {
            Some(name) => Err(format!("{name} is no setting of a channel of this kind")),
            None => Ok(Self(ChannelConfig { sink, policy })),
        }
    }
}

fn smtp(written: &mut Written) -> Result<SmtpConfig, String> {
    let password = SecretConfig::one_of(
        ("password_env", written.password_env.take()),
        ("password_file", written.password_file.take()),
    )?;
    let login = match (written.username.take(), password) {
        (Some(username), Some(password)) => Some((username, password)),
        (None, None) => None,
        (Some(_), None) => return Err("username needs password_env or password_file".into()),
        (None, Some(_)) => return Err("a password needs a username".into()),
    };
    let security = written.security.take().unwrap_or_default();
    Ok(SmtpConfig {
        host: needed(written.host.take(), "smtp", "host, the mail server")?,
        port: written.port.take().unwrap_or(security.port()),
        security,
        login,
        from: needed(written.from.take(), "smtp", "from, the sender's address")?,
        ca_file: written.ca_file.take(),
    })
}

fn webhook(written: &mut Written) -> Result<WebhookConfig, String> {
    let target = match (written.url.take(), written.allow_recipients.take()) {
        (Some(url), None) => TargetConfig::Url(url),
        (None, Some(prefixes)) => TargetConfig::AllowRecipients(prefixes),
        (None, None) => return Err("a channel of kind webhook needs url, or allow_recipients".into()),
        (Some(_), Some(_)) => return Err("give url or allow_recipients, not both".into()),
    };
    let secret = SecretConfig::one_of(
        ("secret_env", written.secret_env.take()),
        ("secret_file", written.secret_file.take()),
    )?;
    let permanent_statuses = written.permanent_statuses.take().unwrap_or_default();
    if let Some(status) = permanent_statuses.iter().find(|status| !(300..=599).contains(*status)) {
        return Err(format!(
            "permanent_statuses has {status}; it takes statuses from 300 to 599 that end a message at once"
        ));
    }
    Ok(WebhookConfig {
        target,
        secret: needed(secret, "webhook", "secret_env or secret_file, where the signing secret is")?,
        body: written.body.take().unwrap_or_default(),
        allow_private: written.allow_private.take().unwrap_or_default(),
        ca_file: written.ca_file.take(),
        permanent_statuses,
    })
}

/// What each kind of channel does unless it is told otherwise: a mail server takes few connections and may think about a
/// message for long; a folder takes anything.
fn policy(written: &mut Written) -> ChannelPolicy {
    let (timeout_ms, concurrency) = match written.kind {
        Kind::Spool => (30_000, 32),
        Kind::Smtp => (60_000, 4),
        Kind::Webhook => (10_000, 16),
    };
    let Retry { max_attempts, min_backoff_ms, max_backoff_ms, max_doublings, jitter } =
        std::mem::take(&mut written.retry);
    ChannelPolicy {
        retry: RetryPolicy {
            max_attempts,
            min_backoff_ms,
            max_backoff_ms,
            max_doublings,
            jitter,
            ..ChannelPolicy::default_retry()
        },
        rate: written.rate.take(),
        timeout: Duration::from_millis(written.timeout_ms.unwrap_or(timeout_ms)),
        concurrency: written.concurrency.unwrap_or(concurrency),
    }
}

fn needed<T>(value: Option<T>, kind: &str, what: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("a channel of kind {kind} needs {what}"))
}

/// A setting that the kind has not taken, if there is one.
fn left_over(written: &Written) -> Option<&'static str> {
    let settings = [
        ("path", written.path.is_some()),
        ("host", written.host.is_some()),
        ("port", written.port.is_some()),
        ("security", written.security.is_some()),
        ("username", written.username.is_some()),
        ("password_env", written.password_env.is_some()),
        ("password_file", written.password_file.is_some()),
        ("from", written.from.is_some()),
        ("url", written.url.is_some()),
        ("allow_recipients", written.allow_recipients.is_some()),
        ("secret_env", written.secret_env.is_some()),
        ("secret_file", written.secret_file.is_some()),
        ("body", written.body.is_some()),
        ("allow_private", written.allow_private.is_some()),
        ("permanent_statuses", written.permanent_statuses.is_some()),
        ("ca_file", written.ca_file.is_some()),
    ];
    settings.into_iter().find_map(|(name, is_left)| is_left.then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ChannelConfig, String> {
        let channel: Result<Channel, _> = toml::from_str(text);
        channel.map(|channel| channel.resolve(Path::new("/shop"))).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn each_kind_has_its_defaults() {
        let spool = read("kind = 'spool'\npath = 'out'").unwrap();
        assert_eq!(spool.sink, SinkConfig::Spool { path: "/shop/out".into() });
        assert_eq!(spool.policy.concurrency, 32);

        let smtp = read("kind = 'smtp'\nhost = 'mail.example.com'\nfrom = 'shop@example.com'").unwrap();
        let SinkConfig::Smtp(server) = smtp.sink else { panic!("it is a mail server") };
        assert_eq!((server.port, server.security, server.login), (587, Security::Starttls, None));
        assert_eq!(smtp.policy.timeout, Duration::from_secs(60));

        let webhook = read("kind = 'webhook'\nurl = 'https://a.example'\nsecret_file = 'secret'").unwrap();
        let SinkConfig::Webhook(receiver) = webhook.sink else { panic!("it is a webhook") };
        assert_eq!(receiver.secret, SecretConfig::File("/shop/secret".into()));
        assert!(!receiver.allow_private && receiver.permanent_statuses.is_empty());
        assert_eq!(webhook.policy.timeout, Duration::from_secs(10));
        assert_eq!(webhook.policy.retry, ChannelPolicy::default_retry());
    }

    #[test]
    fn the_way_of_delivery_can_be_set() {
        let text = "kind = 'spool'\npath = 'out'\ntimeout_ms = 500\nconcurrency = 2\n\
            rate = { per_second = 2, burst = 5 }\nretry = { max_attempts = 3 }";
        let policy = read(text).unwrap().policy;
        assert_eq!((policy.timeout, policy.concurrency), (Duration::from_millis(500), 2));
        assert_eq!(policy.rate, RateLimit::new(2.0, 5));
        assert_eq!(policy.retry, RetryPolicy { max_attempts: 3, ..ChannelPolicy::default_retry() });
        let half = read("kind = 'spool'\npath = 'out'\nrate = { per_second = 0.5 }").unwrap();
        assert_eq!(half.policy.rate, RateLimit::new(0.5, 1));
    }

    #[test]
    fn the_statuses_that_end_a_message_can_be_set() {
        let webhook = "kind = 'webhook'\nurl = 'https://a.example'\nsecret_env = 'S'\n";
        let channel = read(&format!("{webhook}permanent_statuses = [404, 422, 404]")).unwrap();
        let SinkConfig::Webhook(receiver) = channel.sink else { panic!("it is a webhook") };
        assert_eq!(receiver.permanent_statuses, BTreeSet::from([404, 422]));
        for wrong in ["[200]", "[299, 404]", "[600]", "[0]", "['404']", "404", "[-1]"] {
            let refused = read(&format!("{webhook}permanent_statuses = {wrong}"));
            assert!(refused.is_err(), "{wrong} was taken");
        }
        let refused = read(&format!("{webhook}permanent_statuses = [204]")).unwrap_err();
        assert!(
            refused.contains("permanent_statuses has 204") && refused.contains("300 to 599"),
            "{refused}"
        );
        let spool = read("kind = 'spool'\npath = 'x'\npermanent_statuses = [404]").unwrap_err();
        assert!(spool.contains("permanent_statuses is no setting"), "{spool}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refusal = |text: &str| read(text).unwrap_err();
        assert!(refusal("kind = 'spool'").contains("needs path"));
        assert!(
            refusal("kind = 'spool'\npath = 'x'\nurl = 'https://a.example'").contains("url is no setting")
        );
        assert!(refusal("kind = 'smtp'\nhost = 'x'").contains("needs from"));
        let smtp = "kind = 'smtp'\nhost = 'x'\nfrom = 'a@b.example'\n";
        assert!(refusal(&format!("{smtp}username = 'u'")).contains("password_env"));
        assert!(refusal(&format!("{smtp}password = 'p'")).contains("unknown field `password`"));
        let both = "username = 'u'\npassword_env = 'A'\npassword_file = 'b'";
        assert!(refusal(&format!("{smtp}{both}")).contains("not both"));
        assert!(refusal("kind = 'webhook'\nurl = 'https://a.example'").contains("secret_env"));
        assert!(refusal("kind = 'webhook'\nsecret_env = 'S'").contains("allow_recipients"));
        let rate = "kind = 'spool'\npath = 'x'\nrate = { per_second = 0 }";
        assert!(refusal(rate).contains("per_second is 0"));
    }
}
