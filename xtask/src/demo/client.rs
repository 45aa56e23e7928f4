//! A small MCP client over stdio: revision 2026-07-28 with the tasks extension, one JSON message a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// No answer takes this long. The first start compiles the plugins, which takes a while on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running server and the pipes to it.
pub(super) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    requests: u64,
    log: PathBuf,
}

impl Client {
    /// Starts `longshore serve` for the project, its log in a file of the project.
    pub(super) fn start(longshore: &Path, project: &Path) -> Result<Self> {
        let log = project.join("serve.log");
        let mut child = Command::new(longshore)
            .args(["serve", "--project"])
            .arg(project)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", longshore.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let (sender, lines) = channel();
        // Ends with the server, whose end closes the pipe.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, stdin, lines, requests: 0, log })
    }

    /// Asks who is there.
    pub(super) fn discover(&mut self) -> Result<String> {
        let answer = self.request("server/discover", json!({}))?;
        let info = &answer["_meta"]["io.modelcontextprotocol/serverInfo"];
        let text = |name: &str| info[name].as_str().unwrap_or("?").to_owned();
        Ok(format!("{} {}", text("name"), text("version")))
    }

    /// Waits until a tool is offered: a plugin is compiled when it is first seen.
    pub(super) fn wait_for_tool(&mut self, name: &str) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let answer = self.request("tools/list", json!({}))?;
            let mut tools = answer["tools"].as_array().into_iter().flatten();
            if tools.any(|tool| tool["name"] == name) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("the server does not offer the tool {name}; its log is {}", self.log.display())
    }

    /// Sends a request and waits for its answer.
    pub(super) fn request(&mut self, method: &str, params: Value) -> Result<Value> {
        self.requests += 1;
        let id = self.requests;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": with_meta(params)});
        let stdin = self.stdin.as_mut().context("the server was stopped")?;
        let sent = writeln!(stdin, "{message}").and_then(|()| stdin.flush());
        sent.with_context(|| format!("the server is gone; its log is {}", self.log.display()))?;
        loop {
            let line = self.lines.recv_timeout(PATIENCE).with_context(|| {
                format!("the server gave no answer to {method}; its log is {}", self.log.display())
            })?;
            let answer: Value = serde_json::from_str(&line)
                .with_context(|| format!("the server wrote something that is no JSON: {line}"))?;
            if answer["id"] != id {
                // A notification, which nothing here depends on.
                continue;
            }
            if let Some(error) = answer.get("error") {
                bail!("{method} was answered with an error: {error}");
            }
            return Ok(answer["result"].clone());
        }
    }

    /// Closes the pipe, as clients do, and waits for the server to end by itself.
    pub(super) fn stop(mut self) -> Result<()> {
        self.stdin = None;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the server ended with {status}; its log is {}", self.log.display());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end when its client left")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Only a server that was not stopped is still there; it must not outlive the demo.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What every request of this revision carries.
fn with_meta(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "longshore-demo", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
    });
    params
}
