//! The channels that lead to the receivers: how they are configured, and how jobs name them.

use super::signature::Secret;

/// The channel of every project: messages as files in a folder.
pub(crate) const SPOOL: &str = "email";
/// Messages as mails.
pub(crate) const MAIL: &str = "mail";
/// Messages as webhooks, whole.
pub(crate) const WEBHOOK: &str = "webhook";
/// What the host says of the ends of jobs, as webhooks.
pub(crate) const CALLBACKS: &str = "callbacks";

/// How patient the channels are. The time of a try is short, since a message whose sender was killed is tried again by another
/// after twice that time: within the campaign, and not only when all is over.
const PATIENCE: &str = "\
timeout_ms = 2_000
retry = { max_attempts = 1_000, min_backoff_ms = 20, max_backoff_ms = 500 }
";

/// Where messages go that become no files.
#[derive(Clone)]
pub(crate) struct Outlets {
    pub(super) smtp: u16,
    pub(super) http: u16,
    pub(super) secret: Secret,
}

impl Outlets {
    /// What `longshore.toml` has to say of them.
    pub(crate) fn configuration(&self, secret_file: &str) -> String {
        let Self { smtp, http, .. } = self;
        let below = self.callback_url("");
        format!(
            r#"
[channels.{MAIL}]
kind = "smtp"
host = "127.0.0.1"
port = {smtp}
security = "none"
from = "Shop <shop@example.com>"
{PATIENCE}
[channels.{WEBHOOK}]
kind = "webhook"
url = "http://127.0.0.1:{http}/messages"
body = "json"
secret_file = "{secret_file}"
allow_private = true
{PATIENCE}
[channels.{CALLBACKS}]
kind = "webhook"
allow_recipients = ["{below}"]
secret_file = "{secret_file}"
allow_private = true
{PATIENCE}
[callbacks]
channel = "{CALLBACKS}"
"#
        )
    }

    /// The signing secret, as it is in its file.
    pub(crate) fn secret(&self) -> String {
        self.secret.text()
    }

    /// Where the end of the job with that key is told.
    pub(crate) fn callback_url(&self, key: &str) -> String {
        format!("http://127.0.0.1:{}/callbacks/{key}", self.http)
    }
}

/// The channels that jobs may send through.
pub(crate) fn channels(outlets: Option<&Outlets>) -> &'static [&'static str] {
    const ALL: [&str; 3] = [SPOOL, MAIL, WEBHOOK];
    if outlets.is_some() { &ALL } else { &ALL[..1] }
}
