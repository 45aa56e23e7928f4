//! Writes lines: as many at once as are ready, flushed when no more are.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// Lines that may wait to be written; who has one more waits.
const LINES_WAITING_MAX: usize = 256;
/// Lines taken at once.
const LINES_AT_ONCE_MAX: usize = 256;
/// What the buffer keeps between writes.
const KEPT_BYTES: usize = 1024 * 1024;

/// A new queue of lines, each with its newline.
pub(super) fn queue() -> (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>) {
    mpsc::channel(LINES_WAITING_MAX)
}

/// Writes the lines of `queue` to `output` until nobody can add more.
pub(super) async fn write_lines<W: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Vec<u8>>,
    mut output: W,
) -> io::Result<()> {
    let mut lines = Vec::with_capacity(LINES_AT_ONCE_MAX);
    let mut together = Vec::new();
    while queue.recv_many(&mut lines, LINES_AT_ONCE_MAX).await > 0 {
        if let [line] = lines.as_slice() {
            output.write_all(line).await?;
        } else {
            together.clear();
            together.shrink_to(KEPT_BYTES);
            for line in &lines {
                together.extend_from_slice(line);
            }
            output.write_all(&together).await?;
        }
        lines.clear();
        output.flush().await?;
    }
    output.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn lines_keep_their_order() {
        let (sender, receiver) = queue();
        let (near, mut far) = tokio::io::duplex(16);
        let writer = tokio::spawn(write_lines(receiver, near));
        let reader = tokio::spawn(async move {
            let mut text = String::new();
            far.read_to_string(&mut text).await.map(|_| text)
        });
        let expected: String = (0..1_000).flat_map(|number| [number.to_string(), "\n".into()]).collect();
        for number in 0..1_000 {
            sender.send(format!("{number}\n").into_bytes()).await.unwrap();
        }
        drop(sender);
        writer.await.unwrap().unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), expected);
    }
}
