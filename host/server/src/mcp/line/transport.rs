//! The layer as rmcp sees it: a transport.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::in_flight::InFlight;
use super::outgoing::{Outgoing, Worth};
use super::receive::Receiver;
use super::shape;

/// Messages that may wait for rmcp; the input is not read further meanwhile.
const MESSAGES_WAITING_MAX: usize = 64;
/// How long answers that are ready may take to be written once the connection closes.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// Whether the other end of the input is closed, which a read tells only after everything before it.
pub(in crate::mcp) type HungUp = Box<dyn Fn() -> bool + Send + Sync>;

/// How the layer is set up.
pub(in crate::mcp) struct LineOptions {
    /// Bytes of one incoming line at most.
    pub(in crate::mcp) line_bytes_max: usize,
    /// Is cancelled when the input ends or the output fails; when somebody else cancels it, the connection closes.
    pub(in crate::mcp) closing: CancellationToken,
    /// Where open requests are noted.
    pub(in crate::mcp) in_flight: Arc<InFlight>,
    /// Whether the client has closed the input, although not all of it was read.
    pub(in crate::mcp) hung_up: HungUp,
}

/// Lines in, lines out.
pub(in crate::mcp) struct LineTransport {
    messages: mpsc::Receiver<ClientJsonRpcMessage>,
    outgoing: Arc<Outgoing>,
    in_flight: Arc<InFlight>,
    room: Arc<Notify>,
    writing: Option<JoinHandle<()>>,
}

/// Opens a connection over `input` and `output`. It has to happen within a tokio runtime.
pub(in crate::mcp) fn open<R, W>(input: R, output: W, options: LineOptions) -> LineTransport
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let LineOptions { line_bytes_max, closing, in_flight, hung_up } = options;
    let room = Arc::new(Notify::new());
    let outgoing = Outgoing::new(Arc::clone(&room));
    let (message_sender, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
    let receiver = Receiver {
        messages: message_sender,
        outgoing: Arc::clone(&outgoing),
        in_flight: Arc::clone(&in_flight),
        room: Arc::clone(&room),
        line_bytes_max,
        closing: closing.clone(),
        hung_up,
        initialized: false,
    };
    tokio::spawn(receiver.run(input));
    let written = Arc::clone(&outgoing);
    let writing = tokio::spawn(async move {
        if let Err(error) = written.write_to(output).await {
            tracing::debug!(%error, "the output of the MCP connection is gone");
            closing.cancel();
        }
    });
    LineTransport { messages, outgoing, in_flight, room, writing: Some(writing) }
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
        // Here and not in the future: from now on its bytes are counted, and what it was made of is freed.
        std::future::ready(self.put(id.as_ref(), &mut message))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.messages.close();
        self.outgoing.close();
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        if tokio::time::timeout(FLUSH_MAX, &mut writing).await.is_err() {
            // The other end does not read. Its answers are lost to it; its jobs are not.
            writing.abort();
        }
        Ok(())
    }
}

impl LineTransport {
    /// Sends a message, the answer to the request `id` if it is one.
    fn put(&self, id: Option<&RequestId>, message: &mut ServerJsonRpcMessage) -> io::Result<()> {
        let mut kind = None;
        if let Some(id) = id {
            // An answer to what is no longer open is one to a cancelled request, of which nothing more may be said.
            let Some((modern, of)) = self.in_flight.end(id) else { return Ok(()) };
            if modern {
                shape::modern(message);
            }
            kind = Some(of);
        }
        let worth = Worth::of(message);
        if !self.outgoing.takes(&worth) {
            return Ok(());
        }
        let line = line_of(message);
        if let (Some(kind), Some(line)) = (kind, &line) {
            self.in_flight.learn(kind, line.len());
        }
        let is_open = line.is_none_or(|line| self.outgoing.send(worth, line));
        self.room.notify_one();
        if is_open {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotConnected, "the connection is closed"))
        }
    }
}
