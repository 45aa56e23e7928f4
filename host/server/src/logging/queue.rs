//! A bounded queue between those who log and where the log goes, so that logging never waits.
//!
//! A client that starts a server need not read what it logs. Once the pipe between them is full, a write waits for as long
//! as the client likes, and whoever logs would wait with it: loops, jobs, the end of the process. So lines go into a queue,
//! and a thread writes them. Lines for which there is no room are dropped and counted.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that may wait to be written.
const BYTES_MAX: usize = 1 << 20;

/// Pause before a write is tried again that a descriptor shared with others refused, since it does not wait.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Lines on their way out.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines for which there was no room, and of which nothing was said yet.
    dropped: u64,
    is_writing: bool,
}

impl Queue {
    /// A queue that a thread of its own empties into `output`. What was dropped is reported to `report`, once there is
    /// room again.
    pub(super) fn start<W: Write + Send + 'static>(
        output: W,
        report: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let emptied = Arc::clone(&queue);
        thread::Builder::new().name("log".into()).spawn(move || emptied.empty(output, report))?;
        Ok(queue)
    }

    /// Adds a line, or drops it if there is no room. It never waits for the reader of the log.
    pub(super) fn add(&self, line: &[u8]) {
        let mut state = self.state();
        if state.bytes + line.len() > BYTES_MAX {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_owned());
        self.changed.notify_all();
    }

    /// Waits until everything is written, `most` at most.
    pub(super) fn finish(&self, most: Duration) {
        let until = Instant::now() + most;
        let mut state = self.state();
        while state.is_writing || !state.lines.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn empty(&self, mut output: impl Write, report: impl Fn(u64)) {
        loop {
            let mut state = self.state();
            while state.lines.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(line) = state.lines.pop_front() else { continue };
            state.is_writing = true;
            drop(state);
            write(&mut output, &line);
            let mut state = self.state();
            state.bytes -= line.len();
            state.is_writing = false;
            let dropped = std::mem::take(&mut state.dropped);
            self.changed.notify_all();
            drop(state);
            if dropped > 0 {
                report(dropped);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a line. One that cannot be written has no reader.
fn write(output: &mut impl Write, mut line: &[u8]) {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return,
            Ok(written) => line = &line[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(BETWEEN_TRIES),
            Err(_) => return,
        }
    }
    let _ = output.flush();
}

/// A writer that ends a log at a length, with a last line that says so.
pub(super) struct UpTo<W> {
    output: W,
    left: u64,
    last: String,
}

impl<W: Write> UpTo<W> {
    /// Lets `bytes` through, in whole lines, then the line `last`, and then nothing.
    pub(super) fn new(output: W, bytes: u64, last: String) -> Self {
        Self { output, left: bytes, last }
    }
}

impl<W: Write> Write for UpTo<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(bytes.len());
        }
        let written = self.output.write(bytes)?;
        self.left = self.left.saturating_sub(written as u64);
        if self.left == 0 && written == bytes.len() {
            self.output.write_all(self.last.as_bytes())?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn nobody_waits_for_a_reader_and_what_was_dropped_is_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (told, reports) = mpsc::channel();
        let queue = Queue::start(writer, move |dropped| {
            let _ = told.send(dropped);
        })
        .unwrap();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        // Far more than the pipe and the queue take together.
        let lines = (4 * BYTES_MAX / line.len()) as u64;
        let began = Instant::now();
        (0..lines).for_each(|_| queue.add(&line));
        queue.finish(Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(queue.state().bytes <= BYTES_MAX);
        let reading = thread::spawn(move || {
            let mut text = vec![0; line.len()];
            (0..u64::MAX).take_while(|_| reader.read_exact(&mut text).is_ok()).count() as u64
        });
        queue.finish(Duration::from_secs(60));
        assert_eq!(queue.state().bytes, 0, "what was queued is written once somebody reads");
        let dropped = queue.state().dropped + reports.try_iter().sum::<u64>();
        assert!(dropped > 0);
        drop((queue, reading));
    }

    #[test]
    fn lines_keep_their_order_and_are_whole() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = Queue::start(writer, |_| panic!("nothing is dropped")).unwrap();
        let expected: String =
            (0..1_000).flat_map(|number| ["line ".into(), number.to_string(), "\n".into()]).collect();
        for line in expected.split_inclusive('\n') {
            queue.add(line.as_bytes());
        }
        let mut text = vec![0; expected.len()];
        reader.read_exact(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_log_ends_at_its_limit_and_says_so() {
        let mut log = Vec::new();
        let mut limited = UpTo::new(&mut log, 10, "the log has ended\n".into());
        for _ in 0..3 {
            write(&mut limited, b"12345678\n");
        }
        let text = String::from_utf8(log).unwrap();
        assert!(text.starts_with("12345678\n12345678\nthe log has") && text.lines().count() == 3, "{text}");
    }
}
