//! The layer as rmcp sees it: a transport.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::in_flight::InFlight;
use super::receive::Receiver;
use super::{shape, writer};

/// Messages that may wait for rmcp; the input is not read further meanwhile.
const MESSAGES_WAITING_MAX: usize = 64;
/// How long answers that are ready may take to be written once the connection closes.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// How the layer is set up.
#[derive(Clone, Debug)]
pub(in crate::mcp) struct LineOptions {
    /// Bytes of one incoming line at most.
    pub(in crate::mcp) line_bytes_max: usize,
    /// Is cancelled when the input ends or the output fails; when somebody else cancels it, the connection closes.
    pub(in crate::mcp) closing: CancellationToken,
    /// Where open requests are noted.
    pub(in crate::mcp) in_flight: Arc<InFlight>,
}

/// Lines in, lines out.
pub(in crate::mcp) struct LineTransport {
    messages: mpsc::Receiver<ClientJsonRpcMessage>,
    lines: Option<mpsc::Sender<Vec<u8>>>,
    in_flight: Arc<InFlight>,
    writing: Option<JoinHandle<()>>,
}

/// Opens a connection over `input` and `output`. It has to happen within a tokio runtime.
pub(in crate::mcp) fn open<R, W>(input: R, output: W, options: LineOptions) -> LineTransport
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let LineOptions { line_bytes_max, closing, in_flight } = options;
    let (message_sender, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
    let (lines, queue) = writer::queue();
    let receiver = Receiver {
        messages: message_sender,
        lines: lines.clone(),
        in_flight: Arc::clone(&in_flight),
        line_bytes_max,
        closing: closing.clone(),
        initialized: false,
    };
    tokio::spawn(receiver.run(input));
    let writing = tokio::spawn(async move {
        if let Err(error) = writer::write_lines(queue, output).await {
            tracing::debug!(%error, "the output of the MCP connection is gone");
            closing.cancel();
        }
    });
    LineTransport { messages, lines: Some(lines), in_flight, writing: Some(writing) }
}

/// The line of a message; none if it cannot be written as JSON, which the log then says.
pub(super) fn line_of(message: &ServerJsonRpcMessage) -> Option<Vec<u8>> {
    let mut line = Vec::with_capacity(1_024);
    match serde_json::to_writer(&mut line, message) {
        Ok(()) => {
            line.push(b'\n');
            Some(line)
        }
        Err(error) => {
            tracing::error!(%error, "an MCP message could not be written as JSON");
            None
        }
    }
}

impl Transport<RoleServer> for LineTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        mut message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let id = match &message {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            JsonRpcMessage::Error(error) => error.id.clone(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        // An answer to what is no longer open is one to a cancelled request, of which nothing more may be said.
        let (wanted, modern) = match id {
            Some(id) => match self.in_flight.end(&id) {
                Some(modern) => (true, modern),
                None => (false, false),
            },
            None => (true, false),
        };
        let lines = self.lines.clone();
        async move {
            if !wanted {
                return Ok(());
            }
            if modern {
                shape::modern(&mut message);
            }
            let closed = || io::Error::new(io::ErrorKind::NotConnected, "the connection is closed");
            let line = line_of(&message).ok_or(io::ErrorKind::InvalidData)?;
            lines.ok_or_else(closed)?.send(line).await.map_err(|_| closed())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.messages.close();
        self.lines = None;
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        if tokio::time::timeout(FLUSH_MAX, &mut writing).await.is_err() {
            // The other end does not read. Its answers are lost to it; its jobs are not.
            writing.abort();
        }
        Ok(())
    }
}
