//! Lines on their way to the client.
//!
//! Who has a line to send does not wait; how much waits to be written is counted, and requests are read only while there is
//! room for their answers (`Room`). Notifications are not asked for, so there is no end to them: while the client does not
//! read, progress is dropped, and of what changes only the latest state is kept.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{CustomNotification, JsonRpcMessage, ServerJsonRpcMessage, ServerNotification};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

/// Bytes that wait to be written from which on notifications are dropped or kept back.
const NOTES_BYTES_MAX: usize = 1 << 20;
/// Notifications that are kept back at most, each the latest of its kind.
const NOTES_KEPT_MAX: usize = 4_096;
/// Bytes written at once: small lines together, a large one in parts.
const AT_ONCE_BYTES: usize = 64 * 1024;

/// What may become of a message while the client does not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is sent.
    Owed,
    /// It says what a later one of this name says anew.
    LatestOf(String),
    /// It is worth nothing later.
    Passing,
}

impl Worth {
    /// What the message is worth.
    pub(super) fn of(message: &ServerJsonRpcMessage) -> Self {
        let JsonRpcMessage::Notification(notification) = message else { return Self::Owed };
        match &notification.notification {
            ServerNotification::ProgressNotification(_) => Self::Passing,
            ServerNotification::ToolListChangedNotification(_) => Self::LatestOf("tools".into()),
            ServerNotification::CustomNotification(note) => Self::of_custom(note),
            _ => Self::Owed,
        }
    }

    fn of_custom(note: &CustomNotification) -> Self {
        let subject = match note.method.as_str() {
            "notifications/tasks" => note.params.as_ref().map(|params| params["taskId"].to_string()),
            "notifications/tools/list_changed" => Some(String::new()),
            _ => None,
        };
        let subscription = note.params.as_ref().map(|params| params["_meta"].to_string()).unwrap_or_default();
        subject.map_or(Self::Owed, |subject| Self::LatestOf(format!("{subscription} {subject}")))
    }
}

/// The lines that wait.
#[derive(Debug)]
pub(super) struct Outgoing {
    state: Mutex<State>,
    added: Notify,
    /// Told when there is more room.
    room: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// Bytes that wait, those that are being written included.
    bytes: usize,
    /// Bytes written so far.
    written: u64,
    kept: BTreeMap<String, Vec<u8>>,
    is_closed: bool,
}

impl Outgoing {
    /// Nothing waits. `room` is told when lines were written.
    pub(super) fn new(room: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), added: Notify::new(), room })
    }

    /// Whether a message of that worth would be sent now, so that it need not be made otherwise.
    pub(super) fn takes(&self, worth: &Worth) -> bool {
        *worth != Worth::Passing || self.waiting() <= NOTES_BYTES_MAX
    }

    /// Sends a line with its newline. Says whether the connection is open.
    pub(super) fn send(&self, worth: Worth, line: Vec<u8>) -> bool {
        let mut state = self.state();
        if state.is_closed {
            return false;
        }
        let is_crowded = state.bytes > NOTES_BYTES_MAX;
        match worth {
            Worth::Passing if is_crowded => return true,
            Worth::LatestOf(name) if is_crowded => {
                if state.kept.len() < NOTES_KEPT_MAX || state.kept.contains_key(&name) {
                    state.kept.insert(name, line);
                }
                return true;
            }
            Worth::LatestOf(name) => drop(state.kept.remove(&name)),
            Worth::Passing | Worth::Owed => {}
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.added.notify_one();
        true
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.state().bytes
    }

    /// Bytes written since the connection was opened.
    pub(super) fn written(&self) -> u64 {
        self.state().written
    }

    /// Takes no more lines. Those that wait are still written.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.added.notify_one();
    }

    /// Lines to write next, together or a large one alone; `None` once everything is written and the connection closed.
    async fn next(&self) -> Option<Vec<u8>> {
        loop {
            {
                let mut state = self.state();
                if let Some(mut next) = state.lines.pop_front() {
                    while state.lines.front().is_some_and(|line| next.len() + line.len() <= AT_ONCE_BYTES) {
                        next.extend(state.lines.pop_front().unwrap_or_default());
                    }
                    return Some(next);
                }
                if let Some((_, line)) = state.kept.pop_first() {
                    state.bytes += line.len();
                    return Some(line);
                }
                if state.is_closed {
                    return None;
                }
            }
            self.added.notified().await;
        }
    }

    fn note_written(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes -= bytes;
        state.written += bytes as u64;
        drop(state);
        self.room.notify_one();
    }

    fn has_more(&self) -> bool {
        !self.state().lines.is_empty()
    }

    /// Writes the lines to `output` until the connection is closed.
    pub(super) async fn write_to<W: AsyncWrite + Unpin>(&self, mut output: W) -> io::Result<()> {
        while let Some(lines) = self.next().await {
            for part in lines.chunks(AT_ONCE_BYTES) {
                output.write_all(part).await?;
                self.note_written(part.len());
            }
            if !self.has_more() {
                output.flush().await?;
            }
        }
        output.shutdown().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn read_by(outgoing: &Arc<Outgoing>) -> impl Future<Output = String> + use<> {
        let (near, mut far) = tokio::io::duplex(16);
        let writing = Arc::clone(outgoing);
        let writer = tokio::spawn(async move { writing.write_to(near).await });
        async move {
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            writer.await.unwrap().unwrap();
            text
        }
    }

    #[tokio::test]
    async fn lines_keep_their_order() {
        let outgoing = Outgoing::new(Arc::default());
        let read = read_by(&outgoing);
        let expected: String = (0..1_000).flat_map(|number| [number.to_string(), "\n".into()]).collect();
        for number in 0..1_000 {
            assert!(outgoing.send(Worth::Owed, format!("{number}\n").into_bytes()));
        }
        outgoing.close();
        assert!(!outgoing.send(Worth::Owed, b"late\n".to_vec()));
        assert_eq!(read.await, expected);
        assert_eq!((outgoing.waiting(), outgoing.written()), (0, expected.len() as u64));
    }

    #[tokio::test]
    async fn what_nobody_reads_is_dropped_or_its_latest_state_kept() {
        let outgoing = Outgoing::new(Arc::default());
        let send = |worth, text: &str| outgoing.send(worth, text.as_bytes().to_vec());
        let about = |name: &str| Worth::LatestOf(name.into());
        assert!(send(Worth::Passing, "progress 1\n") && send(about("a"), "a 1\n"));
        outgoing.send(Worth::Owed, vec![b'\n'; NOTES_BYTES_MAX]);
        assert!(!outgoing.takes(&Worth::Passing) && outgoing.takes(&Worth::Owed));
        for number in 0..10_000 {
            send(Worth::Passing, "progress 2\n");
            send(about("a"), &format!("a {number}\n"));
            send(about(&format!("b{number:04}")), "b\n");
        }
        assert!(outgoing.waiting() < NOTES_BYTES_MAX + 100, "they are not queued");
        assert_eq!(outgoing.state().kept.len(), NOTES_KEPT_MAX);
        let read = read_by(&outgoing);
        outgoing.close();
        let text = read.await;
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines[..3], ["progress 1", "a 1", "a 9999"]);
        assert_eq!(lines.len(), 2 + NOTES_KEPT_MAX);
    }

    #[tokio::test]
    async fn what_was_kept_back_does_not_follow_what_is_newer() {
        let outgoing = Outgoing::new(Arc::default());
        outgoing.send(Worth::Owed, vec![b'\n'; NOTES_BYTES_MAX + 1]);
        outgoing.send(Worth::LatestOf("a".into()), b"old\n".to_vec());
        outgoing.note_written(NOTES_BYTES_MAX);
        outgoing.send(Worth::LatestOf("a".into()), b"new\n".to_vec());
        assert!(outgoing.state().kept.is_empty());
    }
}
