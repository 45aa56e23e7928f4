//! An MCP client of the 2026-07-28 revision that submits jobs as fast as they are worked off, until its server dies.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::ledger::Ledger;

/// Queued tasks at which the client waits: a backlog makes the end of a campaign long and hits nothing new.
const BACKLOG: usize = 12;
/// Wait before it looks again.
const PAUSE: Duration = Duration::from_millis(60);
/// Submissions at most that are sent together, so that some share a commit.
const TOGETHER_MAX: usize = 4;

/// Submits jobs until the server is gone, and notes in the ledger what was acknowledged.
pub(crate) fn submit_until_the_end(stdin: ChildStdin, stdout: ChildStdout, mut rng: Rng, ledger: &Ledger) {
    let mut talk = Talk { stdin, lines: BufReader::new(stdout), last_id: 0 };
    // An error is the death of the server, which is what the campaign is about.
    while !ledger.is_closed() && talk.round(&mut rng, ledger).is_ok() {}
}

/// The two pipes to a server.
struct Talk {
    stdin: ChildStdin,
    lines: BufReader<ChildStdout>,
    last_id: u64,
}

impl Talk {
    /// Submits a few jobs when there is room for them.
    fn round(&mut self, rng: &mut Rng, ledger: &Ledger) -> io::Result<()> {
        let listed = self.send("list_jobs", &json!({ "status": "queued", "limit": BACKLOG }))?;
        let queued = self.answer(listed)?;
        let queued = queued["structuredContent"]["jobs"].as_array().map_or(0, Vec::len);
        if queued >= BACKLOG {
            thread::sleep(PAUSE);
            return Ok(());
        }
        let jobs = ledger.take(rng.usize(1..=TOGETHER_MAX));
        let mut sent = Vec::new();
        let mut died = Ok(());
        for job in &jobs {
            match self.send("enqueue_job", &job.arguments()) {
                Ok(id) => sent.push(id),
                Err(error) => died = Err(error),
            }
        }
        // Answers may come in any order, but only ours come.
        let mut answers = Vec::new();
        while died.is_ok() && answers.len() < sent.len() {
            match self.next() {
                Ok(answer) => answers.push(answer),
                Err(error) => died = Err(error),
            }
        }
        for (number, job) in jobs.into_iter().enumerate() {
            let answer = sent.get(number).and_then(|id| answers.iter().find(|(of, _)| of == id));
            ledger.settle(job, answer.map(|(_, answer)| answer));
        }
        thread::sleep(Duration::from_millis(rng.u64(0..40)));
        died
    }

    fn send(&mut self, tool: &str, arguments: &Value) -> io::Result<u64> {
        self.last_id += 1;
        let request = json!({
            "jsonrpc": "2.0",
            "id": self.last_id,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": { "name": "longshore-crash", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        self.stdin.write_all(format!("{request}\n").as_bytes())?;
        Ok(self.last_id)
    }

    /// The next answer, and to which request it is.
    fn next(&mut self) -> io::Result<(u64, Value)> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // A line that the kill cut off was no answer.
            let message: Value = serde_json::from_str(&line)?;
            if let Some(id) = message["id"].as_u64() {
                return Ok((id, message["result"].clone()));
            }
        }
    }

    fn answer(&mut self, id: u64) -> io::Result<Value> {
        loop {
            let (of, answer) = self.next()?;
            if of == id {
                return Ok(answer);
            }
        }
    }
}
