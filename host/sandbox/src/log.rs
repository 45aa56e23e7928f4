//! The log of a running attempt: a bounded buffer that is handed to the store now and then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_domain::{AttemptRef, CheckpointStore, Clock, LogLevel, LogLine};
use tokio::task::JoinHandle;

use crate::known::KnownSecrets;

/// Bytes that a line counts for besides its text, so that empty lines are not free.
const LINE_OVERHEAD_BYTES: u64 = 32;

/// Bytes of one line of standard output after which it is broken.
const STREAM_LINE_BYTES_MAX: usize = 8 * 1024;

/// Bytes of the end of standard error that are kept to explain a trap.
const LAST_WORDS_BYTES_MAX: usize = 512;

/// Lines that are handed to the store at once. It has one thread that writes, and others wait for it meanwhile.
const LINES_AT_ONCE: usize = 256;

/// The standard streams of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Where an attempt's lines go until the store has them. Shared by the host API and the guest's standard streams.
pub(crate) struct TaskLog {
    attempt: u32,
    bytes_max: u64,
    clock: Arc<dyn Clock>,
    /// No line has one of these in it.
    pub(crate) known: KnownSecrets,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<LogLine>,
    bytes: u64,
    dropped: u64,
    partial: [Vec<u8>; 2],
    last_words: String,
}

impl TaskLog {
    pub(crate) fn new(attempt: u32, bytes_max: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            attempt,
            bytes_max,
            clock,
            known: KnownSecrets::default(),
            lines: Mutex::new(Lines::default()),
        }
    }

    /// Adds a line.
    pub(crate) fn write(&self, level: LogLevel, message: String) {
        let message = self.known.hidden(message);
        self.add(&mut self.lock(), level, message);
    }

    /// Takes what a guest wrote to a standard stream, line by line.
    pub(crate) fn write_stream(&self, stream: Stream, bytes: &[u8]) {
        let mut lines = self.lock();
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = STREAM_LINE_BYTES_MAX - lines.partial[stream as usize].len();
            let newline = rest.iter().take(room).position(|&b| b == b'\n');
            let taken = newline.unwrap_or_else(|| rest.len().min(room));
            lines.partial[stream as usize].extend_from_slice(&rest[..taken]);
            rest = &rest[taken + usize::from(newline.is_some())..];
            if newline.is_some() || lines.partial[stream as usize].len() >= STREAM_LINE_BYTES_MAX {
                self.end_line(&mut lines, stream);
            }
        }
    }

    fn end_line(&self, lines: &mut Lines, stream: Stream) {
        let bytes = std::mem::take(&mut lines.partial[stream as usize]);
        let text = self.known.hidden(String::from_utf8_lossy(&bytes).trim_end().to_owned());
        // Rust's advice after a panic is for who runs a program, and nobody can follow it here.
        if text.is_empty() || (stream == Stream::Err && text.starts_with("note: run with `RUST_BACKTRACE=")) {
            return;
        }
        let level = match stream {
            Stream::Out => LogLevel::Info,
            Stream::Err => LogLevel::Warn,
        };
        if stream == Stream::Err {
            remember(&mut lines.last_words, &text);
        }
        self.add(lines, level, text);
    }

    fn add(&self, lines: &mut Lines, level: LogLevel, message: String) {
        let bytes = lines.bytes.saturating_add(message.len() as u64 + LINE_OVERHEAD_BYTES);
        if bytes > self.bytes_max {
            if lines.dropped == 0 {
                let notice = format!(
                    "the log of this attempt is full: {} bytes (limits.log_bytes_max); lines are left out from here",
                    self.bytes_max
                );
                lines.waiting.push(self.line(LogLevel::Warn, notice));
            }
            lines.dropped += 1;
            return;
        }
        lines.bytes = bytes;
        lines.waiting.push(self.line(level, message));
    }

    fn line(&self, level: LogLevel, message: String) -> LogLine {
        LogLine { attempt: self.attempt, at: self.clock.now(), level, message }
    }

    /// The lines that wait for the store.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Ends the lines that the standard streams left open, and says how many lines were dropped.
    pub(crate) fn close(&self) {
        let mut lines = self.lock();
        for stream in [Stream::Out, Stream::Err] {
            self.end_line(&mut lines, stream);
        }
        if lines.dropped > 0 {
            let notice = format!("{} lines were left out of this log", lines.dropped);
            lines.waiting.push(self.line(LogLevel::Warn, notice));
            lines.dropped = 0;
        }
    }

    /// The last that the guest wrote to standard error, where languages put their panics.
    pub(crate) fn last_words(&self) -> String {
        self.lock().last_words.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the end of what was said: the last lines that fit.
fn remember(last_words: &mut String, line: &str) {
    if !last_words.is_empty() {
        last_words.push('\n');
    }
    last_words.push_str(line);
    let excess = last_words.len().saturating_sub(LAST_WORDS_BYTES_MAX);
    let cut = (excess..=last_words.len()).find(|&at| last_words.is_char_boundary(at)).unwrap_or(0);
    last_words.drain(..cut);
}

/// Hands a log to the store.
pub(crate) struct LogFlusher {
    log: Arc<TaskLog>,
    store: Arc<dyn CheckpointStore>,
    attempt: AttemptRef,
    /// The append under way. It is a task of its own, so that it ends even when whoever waits for it goes away, and
    /// the next one begins after it.
    under_way: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl LogFlusher {
    pub(crate) fn new(log: Arc<TaskLog>, store: Arc<dyn CheckpointStore>, attempt: AttemptRef) -> Self {
        Self { log, store, attempt, under_way: tokio::sync::Mutex::new(None) }
    }

    /// Hands the waiting lines to the store. A log that cannot be kept is no reason to fail a job.
    pub(crate) async fn flush(&self) {
        let mut under_way = self.under_way.lock().await;
        if let Some(append) = under_way.as_mut() {
            let _ = append.await;
            *under_way = None;
        }
        let lines = self.log.take();
        if lines.is_empty() {
            return;
        }
        let (store, task) = (Arc::clone(&self.store), self.attempt.task);
        let append = under_way.insert(tokio::spawn(async move {
            let mut left = lines.into_iter();
            while left.len() > 0 {
                let count = left.len();
                let some = left.by_ref().take(LINES_AT_ONCE).collect();
                if let Err(error) = store.append_log(task, some).await {
                    tracing::warn!(%task, "{count} lines of a task's log were lost: {error}");
                    return;
                }
            }
        }));
        let _ = append.await;
        *under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use longshore_domain::Timestamp;

    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(43_200_000)
        }
    }

    fn log(bytes_max: u64) -> TaskLog {
        TaskLog::new(1, bytes_max, Arc::new(Noon))
    }

    fn texts(log: &TaskLog) -> Vec<String> {
        log.take().into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn standard_streams_become_lines() {
        let log = log(10_000);
        log.write_stream(Stream::Out, b"one\ntw");
        log.write_stream(Stream::Err, b"oops\n\n");
        log.write_stream(
            Stream::Err,
            b"note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        );
        log.write_stream(Stream::Out, b"o\nthree");
        assert_eq!(texts(&log), ["one", "oops", "two"]);
        log.close();
        assert_eq!(texts(&log), ["three"]);
        assert_eq!(log.last_words(), "oops");
    }

    #[test]
    fn an_endless_line_is_broken() {
        let log = log(1 << 20);
        log.write_stream(Stream::Out, &vec![b'x'; 3 * STREAM_LINE_BYTES_MAX + 5]);
        log.close();
        assert_eq!(
            texts(&log).iter().map(String::len).collect::<Vec<_>>(),
            [STREAM_LINE_BYTES_MAX, STREAM_LINE_BYTES_MAX, STREAM_LINE_BYTES_MAX, 5]
        );
    }

    #[test]
    fn a_full_log_says_so_once_and_counts() {
        let log = log(100);
        for _ in 0..5 {
            log.write(LogLevel::Info, "0123456789".into());
        }
        log.close();
        let texts = texts(&log);
        assert_eq!(texts.len(), 4);
        assert!(texts[2].contains("limits.log_bytes_max"), "{}", texts[2]);
        assert_eq!(texts[3], "3 lines were left out of this log");
    }

    #[test]
    fn last_words_keep_their_end() {
        let mut words = String::new();
        for line in ["first", &"é".repeat(400), "last"] {
            remember(&mut words, line);
        }
        assert!(words.len() <= LAST_WORDS_BYTES_MAX && words.ends_with("\nlast"));
    }
}
