//! Cuts the input into lines, each of a bounded size.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Bytes asked of the system at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// What the line buffer keeps between lines; more than that is given back after a large one.
const KEPT_BYTES: usize = 1024 * 1024;

/// One line of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Its text, without its end and without blanks around it.
    Text(&'a str),
    /// It is not UTF-8.
    NotUtf8,
    /// It is longer than the limit. Its bytes were dropped as they came.
    TooLong,
}

/// Reads lines. Memory stays within the limit however long a line is.
pub(super) struct LineReader<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    bytes_max: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads `input`, taking lines of `bytes_max` bytes at most.
    pub(super) fn new(input: R, bytes_max: usize) -> Self {
        Self { input: BufReader::with_capacity(CHUNK_BYTES, input), line: Vec::new(), bytes_max }
    }

    /// The next line; none at the end. A last line without a newline counts, blank lines do not.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            self.line.shrink_to(KEPT_BYTES);
            let Some(fits) = self.fill().await? else { return Ok(None) };
            if !fits {
                return Ok(Some(Line::TooLong));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        Ok(Some(match std::str::from_utf8(&self.line) {
            // Some editors and shells put a byte order mark before what they pipe.
            Ok(text) => Line::Text(text.trim_start_matches('\u{feff}').trim_ascii()),
            Err(_) => Line::NotUtf8,
        }))
    }

    /// Reads one line into the buffer. Says whether it fits; none at the end of the input.
    async fn fill(&mut self) -> io::Result<Option<bool>> {
        let mut fits = true;
        let mut seen = false;
        loop {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(seen.then_some(fits));
            }
            seen = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if fits && self.line.len() + part.len() <= self.bytes_max {
                self.line.extend_from_slice(part);
            } else {
                fits = false;
                self.line = Vec::new();
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(fits));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], bytes_max: usize) -> Vec<String> {
        let mut reader = LineReader::new(input, bytes_max);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(match line {
                Line::Text(text) => text.to_owned(),
                other => format!("{other:?}"),
            });
        }
        lines
    }

    #[tokio::test]
    async fn lines_end_with_a_newline_or_the_input() {
        assert_eq!(lines(b"a\r\n\n  \nb\n c", 10).await, ["a", "b", "c"]);
        assert_eq!(lines("\u{feff}{}\n".as_bytes(), 10).await, ["{}"]);
        assert_eq!(lines(b"", 10).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_told_and_the_next_is_read() {
        assert_eq!(lines(b"12345\n123456\n1\n", 5).await, ["12345", "TooLong", "1"]);
        let mut long = vec![b'x'; 3 * CHUNK_BYTES];
        long.extend_from_slice(b"\nok\n");
        assert_eq!(lines(&long, CHUNK_BYTES + 1).await, ["TooLong", "ok"]);
    }

    #[tokio::test]
    async fn a_line_may_span_chunks() {
        let text = "y".repeat(2 * CHUNK_BYTES + 7);
        assert_eq!(lines(format!("{text}\nz\n").as_bytes(), 3 * CHUNK_BYTES).await, [text.as_str(), "z"]);
    }

    #[tokio::test]
    async fn bytes_that_are_not_utf8_are_told() {
        assert_eq!(lines(b"\xff\xfe\nok\n", 10).await, ["NotUtf8", "ok"]);
    }
}
