//! Reads lines and turns them into messages for rmcp, or into answers that say what is wrong with them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification,
    ClientRequest, ErrorData, InitializedNotification, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use tokio::io::AsyncRead;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::envelope::{self, Envelope, Rejection};
use super::in_flight::{ANSWERS_BYTES_MAX, InFlight, Kind, Refused};
use super::outgoing::{Outgoing, Worth};
use super::reader::{Line, LineReader};
use super::request;
use super::transport::HungUp;

/// How often it is looked whether calls have begun to wait, and whether the client has closed the input, while there is no
/// room for answers.
const LOOK: Duration = Duration::from_millis(25);
/// How long a client that has closed the input may read nothing before the connection ends.
const READS_NOTHING_MAX: Duration = Duration::from_millis(500);

/// Takes lines in.
pub(super) struct Receiver {
    /// Where messages go.
    pub(super) messages: mpsc::Sender<ClientJsonRpcMessage>,
    /// Where answers to what is no message go.
    pub(super) outgoing: Arc<Outgoing>,
    /// Open requests.
    pub(super) in_flight: Arc<InFlight>,
    /// Told when there may be more room for answers.
    pub(super) room: Arc<Notify>,
    /// Bytes of one line at most, to be named when a line has more.
    pub(super) line_bytes_max: usize,
    /// Cancelled when the input ends, or by whoever wants it to end.
    pub(super) closing: CancellationToken,
    /// Whether the client has closed the input, although not all of it was read.
    pub(super) hung_up: HungUp,
    /// Whether an `initialize` came, so that requests without metadata of their own are fine.
    pub(super) initialized: bool,
}

impl Receiver {
    /// Reads until the input ends or the connection closes.
    pub(super) async fn run<R: AsyncRead + Unpin>(mut self, input: R) {
        let closing = self.closing.clone();
        // Whatever ends the reading, everybody who waits on this connection's behalf is told.
        let _told = closing.clone().drop_guard();
        let mut reader = LineReader::new(input, self.line_bytes_max);
        loop {
            if !self.wait_for_room(|| self.outgoing.waiting() < ANSWERS_BYTES_MAX).await {
                return;
            }
            let line = tokio::select! {
                line = reader.next() => line,
                () = closing.cancelled() => return,
            };
            let taken = match line {
                Ok(Some(line)) => self.take(line),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "the input of the MCP connection cannot be read");
                    return;
                }
            };
            let open = match taken {
                Ok(Some(message)) => self.let_through(message).await,
                Ok(None) => true,
                Err(rejection) => self.answer(rejection),
            };
            if !open {
                return;
            }
        }
    }

    /// Hands a message on once there is room for its answer. Says whether the connection is open.
    async fn let_through(&self, message: ClientJsonRpcMessage) -> bool {
        if matches!(message, JsonRpcMessage::Request(_)) {
            let has_room = || self.in_flight.have_room(self.outgoing.waiting());
            if !self.wait_for_room(has_room).await {
                return false;
            }
        }
        self.messages.send(message).await.is_ok()
    }

    /// Waits until there is room, and says whether there is: the connection may close, or the client have closed the input
    /// and not read any more.
    async fn wait_for_room(&self, is_there: impl Fn() -> bool) -> bool {
        let mut last_read: Option<(Instant, u64)> = None;
        while !is_there() {
            tokio::select! {
                () = self.room.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.closing.cancelled() => return false,
            }
            if (self.hung_up)() {
                let written = self.outgoing.written();
                match last_read {
                    Some((since, before)) if before == written => {
                        if since.elapsed() > READS_NOTHING_MAX {
                            return false;
                        }
                    }
                    _ => last_read = Some((Instant::now(), written)),
                }
            }
        }
        true
    }

    fn answer(&self, rejection: Rejection) -> bool {
        tracing::debug!(id = ?rejection.id, message = %rejection.error.message, "an MCP message was refused");
        let answer = ServerJsonRpcMessage::error(*rejection.error, rejection.id);
        super::transport::line_of(&answer).is_none_or(|line| self.outgoing.send(Worth::Owed, line))
    }

    /// What becomes of a line: a message, nothing, or an answer.
    fn take(&mut self, line: Line<'_>) -> Result<Option<ClientJsonRpcMessage>, Rejection> {
        let text = match line {
            Line::Text(text) => text,
            Line::NotUtf8 => {
                let error = ErrorData::parse_error("the line is not UTF-8", None);
                return Err(Rejection::new(None, error));
            }
            Line::TooLong => {
                let max = self.line_bytes_max;
                let message = format!(
                    "the message has more than {max} bytes, the most this server reads; nothing of it was done"
                );
                let data = serde_json::json!({ "bytes_max": max });
                return Err(Rejection::new(None, ErrorData::invalid_request(message, Some(data))));
            }
        };
        match envelope::read(text)? {
            Envelope::Request { id, method, params } => self.request(id, &method, params).map(Some),
            Envelope::Notification { method, params } => Ok(self.notification(&method, params)),
            Envelope::Response => Ok(None),
        }
    }

    fn request(
        &mut self,
        id: RequestId,
        method: &str,
        params: &str,
    ) -> Result<ClientJsonRpcMessage, Rejection> {
        let typed = match request::typed(method, params) {
            Ok(typed) => typed,
            Err(error) => return Err(Rejection::new(Some(id), error)),
        };
        let opens =
            matches!(typed.request, ClientRequest::InitializeRequest(_) | ClientRequest::PingRequest(_));
        if !self.initialized && !opens {
            let missing = request::missing_metadata(&typed.request);
            if !missing.is_empty() {
                let message = format!(
                    "the request's _meta lacks {}; send them with every request (revision 2026-07-28), or start with \
                     initialize (older revisions)",
                    missing.join(" and ")
                );
                return Err(Rejection::new(Some(id), ErrorData::invalid_params(message, None)));
            }
        }
        let kind = match typed.request {
            ClientRequest::ReadResourceRequest(_) => Kind::Resource,
            // One of these is `subscriptions/listen`, which goes on for as long as the client likes.
            ClientRequest::CallToolRequest(_) | ClientRequest::CustomRequest(_) => Kind::Call,
            _ => Kind::Other,
        };
        match self.in_flight.begin(&id, typed.modern, kind, params.len(), Instant::now()) {
            Ok(()) => {}
            Err(Refused::SameId) => {
                // An answer with this id would be taken for that of the first request.
                let message = format!("id {id} is already used by a request that has no answer yet");
                return Err(Rejection::new(None, ErrorData::invalid_request(message, None)));
            }
            Err(Refused::TooMany) => {
                let message = "too many requests wait for their answer; try again when some have it";
                return Err(Rejection::new(Some(id), ErrorData::internal_error(message, None)));
            }
        }
        self.initialized |= matches!(typed.request, ClientRequest::InitializeRequest(_));
        Ok(JsonRpcMessage::request(typed.request, id))
    }

    fn notification(&self, method: &str, params: &str) -> Option<ClientJsonRpcMessage> {
        let notification = match method {
            "notifications/cancelled" => {
                let params: CancelledNotificationParam = serde_json::from_str(params).ok()?;
                // From here on nothing more is said about the request. If its answer is on its way, the client gets that,
                // and what was promised in it holds.
                if !self.in_flight.cancel(params.request_id.as_ref()?) {
                    return None;
                }
                ClientNotification::CancelledNotification(CancelledNotification::new(params))
            }
            "notifications/initialized" => {
                ClientNotification::InitializedNotification(InitializedNotification::default())
            }
            // Nothing that a client may tell besides concerns this server.
            _ => return None,
        };
        Some(JsonRpcMessage::notification(notification))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct Run {
        messages: Vec<ClientJsonRpcMessage>,
        answers: Vec<Value>,
    }

    async fn run(input: &[u8]) -> Run {
        let (messages, mut received) = mpsc::channel(100);
        let outgoing = Outgoing::new(Arc::default());
        let closing = CancellationToken::new();
        let receiver = Receiver {
            messages,
            outgoing: Arc::clone(&outgoing),
            in_flight: Arc::default(),
            room: Arc::default(),
            line_bytes_max: 1_000,
            closing: closing.clone(),
            hung_up: Box::new(|| false),
            initialized: false,
        };
        receiver.run(input).await;
        assert!(closing.is_cancelled(), "the end of the input was not told");
        let mut run = Run { messages: Vec::new(), answers: Vec::new() };
        while let Some(message) = received.recv().await {
            run.messages.push(message);
        }
        outgoing.close();
        let mut text = Vec::new();
        outgoing.write_to(&mut text).await.unwrap();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            run.answers.push(serde_json::from_slice(line).unwrap());
        }
        run
    }

    fn modern(id: u32, method: &str, mut params: Value) -> String {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
    }

    #[tokio::test]
    async fn every_bad_line_has_an_answer_and_the_next_line_is_read() {
        let mut input = b"{nonsense\n\xff\n[]\n".to_vec();
        input.extend(vec![b' '; 10]);
        input.extend(vec![b'x'; 2_000]);
        input.push(b'\n');
        input.extend(modern(1, "tools/list", json!({})).into_bytes());
        let run = run(&input).await;
        let codes: Vec<_> =
            run.answers.iter().map(|answer| answer["error"]["code"].as_i64().unwrap()).collect();
        assert_eq!(codes, [-32700, -32700, -32600, -32600]);
        assert!(run.answers.iter().all(|answer| answer.get("id").is_none()));
        assert_eq!(run.answers[3]["error"]["data"]["bytes_max"], 1_000);
        assert_eq!(run.messages.len(), 1);
    }

    #[tokio::test]
    async fn notifications_and_answers_before_anything_else_do_no_harm() {
        let input = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}
{"jsonrpc":"2.0","method":"notifications/cancelled"}
{"jsonrpc":"2.0","method":"notifications/made_up","params":[1]}
{"jsonrpc":"2.0","id":1,"result":{}}
{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let run = run(input.as_bytes()).await;
        assert_eq!((run.messages.len(), run.answers.len()), (1, 0));
    }

    #[tokio::test]
    async fn a_request_needs_metadata_unless_a_session_was_opened() {
        let bare = r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#;
        let refused = run(bare.as_bytes()).await;
        assert_eq!(refused.answers[0]["id"], "a");
        assert_eq!(refused.answers[0]["error"]["code"], -32602);
        assert!(refused.answers[0]["error"]["message"].as_str().unwrap().contains("protocolVersion"));
        let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"},
        }});
        let session = run(format!("{initialize}\n{bare}\n").as_bytes()).await;
        assert_eq!((session.messages.len(), session.answers.len()), (2, 0));
    }

    #[tokio::test]
    async fn an_id_in_use_is_refused_without_that_id() {
        let call = modern(1, "tools/list", json!({}));
        let cancelled = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        let run = run(format!("{call}\n{call}\n{cancelled}\n{call}\n").as_bytes()).await;
        assert_eq!(run.messages.len(), 3);
        assert_eq!(run.answers.len(), 1);
        assert!(run.answers[0].get("id").is_none());
    }
}
