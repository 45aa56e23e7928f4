//! An MCP client over the pipes of a real process. It speaks JSON lines and nothing more, so that a test sees what goes
//! over the wire.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Nothing that a test asks takes longer; a test that waits for this long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2026-07-28 with the Tasks extension.
    Tasks,
    /// 2026-07-28 without it.
    Modern,
    /// 2025-06-18, with a handshake.
    Legacy,
}

/// A client and its server.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    era: Era,
    next_id: u64,
    /// Notifications that came while something else was waited for.
    pub(crate) notifications: VecDeque<Value>,
}

impl Client {
    /// Starts the server and shakes hands where the era wants it.
    pub(crate) fn start(command: Command, era: Era) -> Self {
        Self::start_logging(command, era, Stdio::inherit())
    }

    /// The same with a log that goes somewhere else.
    pub(crate) fn start_logging(command: Command, era: Era, log: Stdio) -> Self {
        let mut client = Self::connect(command, era, log);
        client.until_loaded();
        client
    }

    /// Waits until every plugin is loaded: the first start of all compiles them.
    pub(crate) fn until_loaded(&mut self) {
        let begin = Instant::now();
        loop {
            let types = self.tool("list_job_types", json!({}));
            let problems = types["problems"].as_array().into_iter().flatten();
            if !problems.clone().any(|problem| problem["code"] == "loading") {
                break;
            }
            assert!(begin.elapsed() < PATIENCE, "plugins do not load: {types}");
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.era == Era::Legacy {
            // What is told of the loading comes before.
            self.request("ping", json!({}));
        }
        self.notifications.clear();
    }

    /// A client that talks to its server while it still loads plugins.
    pub(crate) fn connect(mut command: Command, era: Era, log: Stdio) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let mut client = Self { child, input, lines, era, next_id: 1, notifications: VecDeque::new() };
        if era == Era::Legacy {
            client.request(
                "initialize",
                json!({
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"},
                }),
            );
            client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        }
        client
    }

    /// Sends a message as it is.
    pub(crate) fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    /// Sends a line as it is.
    pub(crate) fn send_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Sends a request without waiting for its answer, and gives its id.
    pub(crate) fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if self.era != Era::Legacy {
            let extensions = match self.era {
                Era::Tasks => json!({"io.modelcontextprotocol/tasks": {}}),
                _ => json!({}),
            };
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({"extensions": extensions});
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
        }
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The next message of the server.
    pub(crate) fn receive(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("stdout carried no JSON ({error}): {line}")),
            Err(RecvTimeoutError::Timeout) => panic!("no answer within {PATIENCE:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the server ended: {:?}", self.child.wait()),
        }
    }

    /// The whole answer to the request of that id; notifications before it are kept.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
            self.notifications.push_back(message);
        }
    }

    /// The next notification of that method.
    pub(crate) fn notification(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.notifications.iter().position(|message| message["method"] == method) {
                return self.notifications.remove(at).unwrap();
            }
            let message = self.receive();
            self.notifications.push_back(message);
        }
    }

    /// Asks and waits; the answer must be a result.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.answer(id);
        assert!(answer.get("error").is_none(), "{method} failed: {answer}");
        answer["result"].clone()
    }

    /// Asks and waits; the answer must be an error.
    pub(crate) fn error(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.answer(id);
        assert!(answer.get("error").is_some(), "{method} succeeded: {answer}");
        answer["error"].clone()
    }

    /// Calls a tool; the answer as it is.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool and gives its structured content; the call must be no error.
    pub(crate) fn tool(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_ne!(result["isError"], true, "{tool} failed: {result}");
        result["structuredContent"].clone()
    }

    /// Calls a tool and gives its error; the call must be one.
    pub(crate) fn tool_error(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} succeeded: {result}");
        result["structuredContent"]["error"].clone()
    }

    /// Enqueues a job and gives its id.
    pub(crate) fn enqueue(&mut self, job_type: &str, payload: Value) -> String {
        let status = self.tool("enqueue_job", json!({"job_type": job_type, "payload": payload}));
        status["job_id"].as_str().expect("a handle has a job_id").to_owned()
    }

    /// The status of a job once `enough` is true of it.
    pub(crate) fn until(&mut self, job_id: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let result = self.call("check_job_status", json!({"job_id": job_id}));
            let status = result["structuredContent"].clone();
            if enough(&status) {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "waited in vain; the job is {status}");
            assert!(!is_terminal(&status), "the job ended otherwise: {status}");
        }
    }

    /// The status of a job once it has ended.
    pub(crate) fn ended(&mut self, job_id: &str) -> Value {
        let begin = Instant::now();
        loop {
            let result = self.call("check_job_status", json!({"job_id": job_id, "wait_seconds": 20}));
            let status = result["structuredContent"].clone();
            if is_terminal(&status) {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the job did not end: {status}");
        }
    }

    /// Whether all threads of the server are stopped.
    pub(crate) fn stands_still(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.map_while(Result::ok).all(|thread| {
            // A thread that has just ended has no state.
            std::fs::read_to_string(thread.path().join("stat"))
                .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
        })
    }

    /// Sends the server a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Kills the server as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until nobody has the other end of the server's output open any more.
    pub(crate) fn until_output_ends(&mut self) {
        drop(self.input.take());
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        assert!(self.lines.recv().is_err());
    }

    /// Closes the server's input and waits for its end; says how it ended and how long that took.
    pub(crate) fn close(mut self) -> (ExitStatus, Duration) {
        drop(self.input.take());
        let begin = Instant::now();
        let status = self.child.wait().unwrap();
        (status, begin.elapsed())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_terminal(status: &Value) -> bool {
    ["completed", "failed", "cancelled"].iter().any(|state| status["status"] == *state)
}
