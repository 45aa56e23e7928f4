//! Logs: structured, on stderr, and nowhere else.
//!
//! What is logged repeats what plugins, clients and servers said. An event is one line all the same, with nothing in it that
//! a terminal would obey: in the form for people each field is made so, beside our own colours, and JSON as a whole.

mod queue;
mod said;

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::fmt::{FormatFields, MakeWriter};
use tracing_subscriber::util::SubscriberInitExt as _;

use self::queue::{Queue, UpTo};
pub(crate) use self::said::{complain, say};
use crate::{env, terminal};

/// How long the end of the process waits for log lines that nobody has read yet.
const FINISH_MAX: Duration = Duration::from_millis(200);

/// The form of this process's log.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The queue of a process that must not wait for whoever reads its log.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

impl LogFormat {
    /// The name that options and the environment give it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }

    /// The format that a command line or else the environment asks for. It is looked for among the words of the command
    /// line, because one that cannot be understood may ask for it, too.
    pub fn asked_by(words: impl IntoIterator<Item = OsString>, environment: Option<OsString>) -> Self {
        const OPTION: &str = "--log-format";
        let mut words = words.into_iter().take_while(|word| word != "--");
        let mut asked = environment;
        while let Some(word) = words.next() {
            if word == OPTION {
                asked = words.next();
            } else if let Some(value) = word.to_str().and_then(|word| word.strip_prefix("--log-format=")) {
                asked = Some(value.into());
            }
        }
        if asked.is_some_and(|asked| asked == Self::Json.as_str()) { Self::Json } else { Self::Human }
    }
}

/// Settles in which form everything goes to stderr from now on. With JSON a panic is a line of it, too.
pub fn settle(format: LogFormat) {
    if FORMAT.set(format).is_ok() && format == LogFormat::Json {
        std::panic::set_hook(Box::new(|panic| complain("panic", &panic.to_string(), None)));
    }
}

/// The form of this process's log.
pub(crate) fn format() -> LogFormat {
    FORMAT.get().copied().unwrap_or_default()
}

/// Who waits when nobody reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Whoever logs: a person sees everything that a command says.
    Allowed,
    /// Nobody: what there is no room for is dropped, and how much that was is logged.
    Never,
    /// Nobody, and the log ends after so many bytes.
    NeverUpTo(u64),
}

/// Begins to log in the form that was settled, at `level` unless the environment says otherwise. Warns when what it says is
/// no filter.
pub fn start(level: &str, waiting: Waiting) {
    let format = format();
    let queue = match waiting {
        Waiting::Allowed => None,
        Waiting::Never => Queue::start(io::stderr(), report_dropped).ok(),
        Waiting::NeverUpTo(bytes) => {
            let last = said::last_line(format);
            Queue::start(UpTo::new(io::stderr(), bytes, last), report_dropped).ok()
        }
    };
    if let Some(queue) = queue
        && QUEUE.set(queue).is_ok()
        && format == LogFormat::Human
    {
        // By itself it writes to stderr, and waits.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
    let asked = std::env::var(env::LOG).ok().filter(|filter| !filter.is_empty());
    let parsed = asked.as_deref().map(EnvFilter::try_new);
    let (filter, wrong) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(level), Some(error)),
        None => (EnvFilter::new(level), None),
    };
    // A second start, as in tests, changes nothing.
    let _ = match format {
        LogFormat::Json => for_programs(filter, || Plain(Log)).try_init(),
        LogFormat::Human => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            for_people(filter, || Log, colours).try_init()
        }
    };
    if let Some(error) = wrong {
        tracing::warn!(%error, "{} is no log filter; logging {level}", env::LOG);
    }
}

/// Lets what was logged be written, for a short time. To be called before the process ends.
pub fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.finish(FINISH_MAX);
    }
}

/// Writes a text as it is where the log goes.
pub(crate) fn write(text: &str) -> io::Result<()> {
    Log.write_all(text.as_bytes())
}

fn report_dropped(lines: u64) {
    tracing::warn!(lines, "lines of the log were dropped, because nobody read it");
}

/// Where the log goes. Each write is whole lines.
struct Log;

impl Write for Log {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        match QUEUE.get() {
            Some(queue) => {
                queue.add(lines);
                Ok(lines.len())
            }
            None => io::stderr().write(lines),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn for_people(
    filter: EnvFilter,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
    colours: bool,
) -> impl Subscriber + Send + Sync {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(SystemTime)
        .with_ansi(colours)
        .with_target(false)
        .fmt_fields(OneLine)
        .with_writer(writer)
        .finish()
}

fn for_programs(
    filter: EnvFilter,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(SystemTime)
        .json()
        .flatten_event(true)
        .with_writer(writer)
        .finish()
}

/// Fields as they usually are, but all of them on one line.
struct OneLine;

impl<'w> FormatFields<'w> for OneLine {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> std::fmt::Result {
        let mut text = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&terminal::line(&text))
    }
}

/// Writes events, each of which comes as a whole, without what a terminal would obey.
struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(terminal::lines(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const FORGED: &str = "no\n2026-03-01T00:00:00Z ERROR all is lost\u{1b}[2J\u{9b}31m\u{202e}";

    /// What is logged by the subscriber that `making` gives, for a writer that keeps it.
    fn logged<S: Subscriber + Send + Sync>(making: impl FnOnce(Kept) -> S) -> String {
        let kept = Kept::default();
        tracing::subscriber::with_default(making(kept.clone()), || {
            tracing::warn!(why = %FORGED, said = FORGED, "it failed: {FORGED}");
        });
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn logged_for_people(colours: bool) -> String {
        logged(|kept| for_people(EnvFilter::new("warn"), move || kept.clone(), colours))
    }

    #[test]
    fn an_event_is_one_line_whatever_it_repeats() {
        let text = logged_for_people(false);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().contains(char::is_control) && !text.contains('\u{202e}'), "{text:?}");
        assert!(text.contains("it failed: no\\n2026") && text.contains("why=no\\n2026"), "{text}");
    }

    #[test]
    fn the_form_is_found_on_a_command_line_that_is_none() {
        let asked = |line: &str, environment: Option<&str>| {
            let words = line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
            LogFormat::asked_by(words, environment.map(OsString::from))
        };
        for line in ["longshore --log-format json nonsense", "longshore worker --log-format=json --no"] {
            assert_eq!(asked(line, None), LogFormat::Json, "{line}");
        }
        for line in ["longshore worker", "longshore run -- --log-format json", "longshore --log-format"] {
            assert_eq!(asked(line, None), LogFormat::Human, "{line}");
        }
        assert_eq!(asked("longshore worker", Some("json")), LogFormat::Json);
        assert_eq!(asked("longshore worker --log-format human", Some("json")), LogFormat::Human);
    }

    #[test]
    fn colours_are_ours_only() {
        let text = logged_for_people(true);
        assert!(text.contains("\u{1b}[33m WARN\u{1b}[0m") && !text.contains("\u{1b}[2J"), "{text:?}");
    }

    #[test]
    fn json_is_one_line_that_says_the_same() {
        let text = logged(|kept| for_programs(EnvFilter::new("warn"), move || Plain(kept.clone())));
        assert!(!text.trim_end().contains(char::is_control) && !text.contains('\u{202e}'), "{text:?}");
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["said"], FORGED);
    }
}
