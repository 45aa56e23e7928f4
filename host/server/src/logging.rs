//! Logs: structured, on stderr, and nowhere else.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use crate::env;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// Begins to log, at `level` unless the environment says otherwise. Warns when what it says is no filter.
pub fn start(format: LogFormat, level: &str) {
    let asked = std::env::var(env::LOG).ok().filter(|filter| !filter.is_empty());
    let parsed = asked.as_deref().map(EnvFilter::try_new);
    let (filter, wrong) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(level), Some(error)),
        None => (EnvFilter::new(level), None),
    };
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_timer(SystemTime);
    // A second start, as in tests, changes nothing.
    let _ = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Human => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            lines.with_ansi(colours).with_target(false).try_init()
        }
    };
    if let Some(error) = wrong {
        tracing::warn!(%error, "{} is no log filter; logging {level}", env::LOG);
    }
}
