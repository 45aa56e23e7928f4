//! A client, as bare as can be: it writes lines and reads lines.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore::mcp::{McpOptions, serve};
use longshore_scheduler::TaskService;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

/// Nothing in these tests takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Nothing is said by itself: the test writes each line.
    Bare,
    /// With a session of that revision.
    Legacy(&'static str),
    /// Revision 2026-07-28.
    Modern,
    /// Revision 2026-07-28 with the Tasks extension.
    Tasks,
}

/// A connected client.
pub struct Client {
    era: Era,
    to_host: Option<WriteHalf<DuplexStream>>,
    from_host: BufReader<ReadHalf<DuplexStream>>,
    host: JoinHandle<anyhow::Result<()>>,
    next_id: i64,
    answers: VecDeque<Value>,
    /// Notifications that came and were not asked for yet.
    pub told: VecDeque<Value>,
}

impl Client {
    pub async fn connect(service: Arc<TaskService>, options: McpOptions, era: Era) -> Self {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(far);
        let host = tokio::spawn(serve(service, options, input, output));
        let (from_host, to_host) = tokio::io::split(near);
        let mut client = Self {
            era,
            to_host: Some(to_host),
            from_host: BufReader::new(from_host),
            host,
            next_id: 0,
            answers: VecDeque::new(),
            told: VecDeque::new(),
        };
        if let Era::Legacy(version) = era {
            client.initialize(version).await;
        }
        client
    }

    async fn initialize(&mut self, version: &str) {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = self.request("initialize", params).await;
        assert_eq!(answer["protocolVersion"], version, "{answer}");
        self.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    }

    /// Writes a line as it is.
    pub async fn line(&mut self, line: &str) {
        self.bytes(format!("{line}\n").as_bytes()).await;
    }

    /// Writes bytes as they are.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        let to_host = self.to_host.as_mut().unwrap();
        to_host.write_all(bytes).await.unwrap();
        to_host.flush().await.unwrap();
    }

    /// Reads one message, whatever it is; none when the host closed the pipe.
    pub async fn message(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.from_host.read_line(&mut line));
        let bytes = read.await.expect("the host says nothing").unwrap();
        (bytes > 0).then(|| serde_json::from_str(&line).expect("the host writes JSON"))
    }

    /// Sends a request and gives its id.
    pub async fn begin(&mut self, method: &str, mut params: Value) -> i64 {
        self.next_id += 1;
        if matches!(self.era, Era::Modern | Era::Tasks) {
            let mut capabilities = json!({});
            if self.era == Era::Tasks {
                capabilities["extensions"] = json!({ "io.modelcontextprotocol/tasks": {} });
            }
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        }
        let message = json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params });
        self.line(&message.to_string()).await;
        self.next_id
    }

    /// The whole answer to a request.
    pub async fn answer(&mut self, id: i64) -> Value {
        if let Some(place) = self.answers.iter().position(|answer| answer["id"] == id) {
            return self.answers.remove(place).unwrap();
        }
        loop {
            let message = self.message().await.expect("the host closed the pipe before it answered");
            if message.get("method").is_some() {
                self.told.push_back(message);
            } else if message["id"] == id {
                return message;
            } else {
                self.answers.push_back(message);
            }
        }
    }

    /// Asks and gives the result.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        let answer = self.answer(id).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Asks and gives the error.
    pub async fn error(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        let answer = self.answer(id).await;
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].clone()
    }

    /// Calls a tool and gives its result.
    pub async fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({ "name": name, "arguments": arguments })).await
    }

    /// Calls a tool that must succeed, and gives its structured content.
    pub async fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let result = self.call(name, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"], "the text is the same as the structured content");
        result["structuredContent"].clone()
    }

    /// Calls a tool that must fail, and gives the error in its structured content.
    pub async fn refused(&mut self, name: &str, arguments: Value) -> Value {
        let result = self.call(name, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["structuredContent"]["error"].clone()
    }

    /// The next notification of a method.
    pub async fn told(&mut self, method: &str) -> Value {
        loop {
            if let Some(place) = self.told.iter().position(|told| told["method"] == method) {
                return self.told.remove(place).unwrap()["params"].clone();
            }
            let message = self.message().await.expect("the host closed the pipe");
            if message.get("method").is_some() {
                self.told.push_back(message);
            } else {
                self.answers.push_back(message);
            }
        }
    }

    /// Cancels a request.
    pub async fn cancel(&mut self, id: i64) {
        let params = json!({ "requestId": id, "reason": "the user wants it so" });
        self.line(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string(),
        )
        .await;
    }

    /// The status of a job once `enough` holds.
    pub async fn until(&mut self, id: &Value, enough: impl Fn(&Value) -> bool) -> Value {
        loop {
            let status = self.tool("check_job_status", json!({ "job_id": id, "wait_seconds": 0.05 })).await;
            if enough(&status) {
                return status;
            }
        }
    }

    /// Closes the input and gives what the host still says, and how long it took to end.
    pub async fn close(mut self) -> (Vec<Value>, Duration) {
        let begin = Instant::now();
        let mut to_host = self.to_host.take().unwrap();
        to_host.shutdown().await.unwrap();
        let mut said = Vec::new();
        while let Some(message) = self.message().await {
            said.push(message);
        }
        self.host.await.unwrap().unwrap();
        (said, begin.elapsed())
    }
}
