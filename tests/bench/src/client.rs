//! An MCP client of the 2026-07-28 revision, with or without the Tasks extension: newline-delimited JSON-RPC over the pipes
//! of a child process, nothing else, so that little of what is measured is the client.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::Result;
use crate::project::Project;

/// No answer takes this long: one that does is lost.
const LOST: Duration = Duration::from_mins(1);
/// How long a server may take to end after its standard input was closed.
const GOODBYE: Duration = Duration::from_secs(10);

/// A running server and the pipes to it.
pub struct Client {
    child: Child,
    stdin: Option<BufWriter<ChildStdin>>,
    answers: Receiver<Value>,
    last_id: u64,
    meta: Value,
    log: PathBuf,
}

/// The answer to a request: its result, or the error's message.
pub type Answer = std::result::Result<Value, String>;

impl Client {
    /// Starts the server. `tasks` says whether the client declares the Tasks extension.
    pub fn start(project: &Project, tasks: bool) -> Result<Self> {
        let log = project.folder().join("serve.log");
        let mut child = project
            .serve()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()?;
        let stdin = child.stdin.take().map(BufWriter::new);
        let stdout = child.stdout.take().ok_or("no pipe from the server")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || read_answers(stdout, &sender));
        let extensions = if tasks { json!({ "io.modelcontextprotocol/tasks": {} }) } else { json!({}) };
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "longshore-load", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": { "extensions": extensions },
        });
        Ok(Self { child, stdin, answers, last_id: 0, meta, log })
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a request into the buffer and returns its id; it is sent when an answer is waited for.
    pub fn send(&mut self, method: &str, params: Map<String, Value>) -> Result<u64> {
        self.last_id += 1;
        let mut params = params;
        params.insert("_meta".to_owned(), self.meta.clone());
        let request = json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        let stdin = self.stdin.as_mut().ok_or("the server was stopped")?;
        serde_json::to_writer(&mut *stdin, &request)?;
        stdin.write_all(b"\n")?;
        Ok(self.last_id)
    }

    /// Sends a call of a tool.
    pub fn send_tool(&mut self, name: &str, arguments: &Value) -> Result<u64> {
        self.send("tools/call", params(json!({ "name": name, "arguments": arguments })))
    }

    /// The next answer to any request.
    pub fn receive(&mut self) -> Result<(u64, Answer)> {
        self.receive_within(LOST)?.ok_or_else(|| self.complain("no answer for a minute").into())
    }

    /// The next answer to any request, or none if none comes within `wait`.
    pub fn receive_within(&mut self, wait: Duration) -> Result<Option<(u64, Answer)>> {
        if let Some(stdin) = &mut self.stdin {
            stdin.flush()?;
        }
        match self.answers.recv_timeout(wait) {
            Ok(message) => {
                let id = message["id"].as_u64().ok_or("an answer without our id")?;
                Ok(Some((id, answer(&message))))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.complain("the server closed its output").into()),
        }
    }

    /// An answer that is here already, or none.
    pub fn receive_ready(&mut self) -> Option<(u64, Answer)> {
        let message = self.answers.try_recv().ok()?;
        Some((message["id"].as_u64()?, answer(&message)))
    }

    /// Sends a request and waits for the answer to it.
    pub fn call(&mut self, method: &str, params: Map<String, Value>) -> Result<Value> {
        let id = self.send(method, params)?;
        self.wait_for(id)
    }

    /// Calls a tool and waits for the answer.
    pub fn call_tool(&mut self, name: &str, arguments: &Value) -> Result<Value> {
        let id = self.send_tool(name, arguments)?;
        self.wait_for(id)
    }

    /// The answer to the one request that is open.
    fn wait_for(&mut self, id: u64) -> Result<Value> {
        match self.receive()? {
            (of, answer) if of == id => Ok(answer?),
            (of, answer) => Err(format!("waited for answer {id}, got {of}: {answer:?}").into()),
        }
    }

    /// Waits until the job type is offered: a cold start compiles it first.
    pub fn wait_until_loaded(&mut self, job_type: &str) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < LOST {
            let listed = self.call("tools/list", Map::new())?;
            let tools = listed["tools"].as_array().map_or(&[][..], Vec::as_slice);
            if tools.iter().any(|tool| tool["name"] == job_type) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(self.complain(&format!("the tool `{job_type}` never appeared")).into())
    }

    /// Kills the server (SIGKILL), and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Closes the pipe, as clients do, and waits for the server to end.
    pub fn stop(mut self) -> Result<()> {
        drop(self.stdin.take());
        let started = Instant::now();
        while started.elapsed() < GOODBYE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(self.complain("the server did not end after its input was closed").into())
    }

    fn complain(&self, what: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("{what}; the server's log ends:\n{}", tail.join("\n"))
    }
}

impl Drop for Client {
    /// A server that was not stopped was part of a failure: it must not outlive the folder.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The members of a JSON object.
pub fn params(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The handle in the answer to a submission, in whichever way it was given.
pub fn task_id(accepted: &Value) -> Result<&str> {
    accepted["taskId"]
        .as_str()
        .or_else(|| accepted["structuredContent"]["job_id"].as_str())
        .ok_or_else(|| format!("no handle in {accepted}").into())
}

fn answer(message: &Value) -> Answer {
    match message.get("error") {
        None => Ok(message["result"].clone()),
        Some(error) => Err(error.to_string()),
    }
}

fn read_answers(stdout: ChildStdout, sender: &Sender<Value>) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { return };
        // Notifications have no id and are of no interest here; a line that is no JSON must not go unseen.
        let message = serde_json::from_str(&line)
            .unwrap_or_else(|_| json!({ "id": 0, "error": { "message": format!("not JSON: {line}") } }));
        if message.get("id").is_some() && sender.send(message).is_err() {
            return;
        }
    }
}
