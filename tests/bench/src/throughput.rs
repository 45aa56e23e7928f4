//! End to end: submitted, run in the sandbox, and seen completed by the client.
//!
//! The client does what a sensible one would: it keeps a bounded number of tasks in flight, and learns of their
//! end from `check_job_status` with `wait_seconds`, or by `tasks/get`, oldest tasks first, or in the answer of the
//! call itself, if it hides that it knows tasks. A task counts when its completion was seen, and one that fails spoils the run.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::client::{self, Answer, Client};
use crate::project::Project;

/// Tasks that run first and do not count.
const WARM_UP: usize = 50;
/// How many of the oldest tasks are asked about at a time, when polling.
const POLLS: usize = 64;
/// How long a polling client rests when nothing has changed.
const REST: Duration = Duration::from_millis(2);

/// How the client learns that a task has completed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// `check_job_status` with `wait_seconds`.
    Wait,
    /// `tasks/get`.
    Poll,
    /// The answer to the call, which a client without the Tasks extension gets when the job has ended.
    Call,
}

impl Confirm {
    /// As the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Poll => "poll",
            Self::Call => "call",
        }
    }
}

/// How a client loads the server.
#[derive(Clone, Copy)]
pub struct Load {
    /// Tasks submitted and not yet seen completed.
    pub in_flight: usize,
    /// How it learns that they are.
    pub confirm: Confirm,
}

impl Default for Load {
    fn default() -> Self {
        Self { in_flight: 256, confirm: Confirm::Wait }
    }
}

/// Completed tasks per second of one run of `count` tasks on a newly started server.
pub fn tasks_per_s(project: &Project, load: Load, count: usize) -> Result<f64> {
    let mut client = Client::start(project, load.confirm != Confirm::Call)?;
    client.wait_until_loaded("trivial")?;
    run(&mut client, load, WARM_UP)?;
    let started = Instant::now();
    run(&mut client, load, count)?;
    let seconds = started.elapsed().as_secs_f64();
    client.stop()?;
    Ok(count as f64 / seconds)
}

fn run(client: &mut Client, load: Load, count: usize) -> Result<()> {
    let mut run =
        Run { left: count, in_flight: 0, done: 0, asked: HashMap::new(), accepted: VecDeque::new() };
    while run.done < count {
        while run.left > 0 && run.in_flight < load.in_flight {
            run.submit(client)?;
        }
        let seen = run.done;
        run.ask(client, load.confirm)?;
        let (id, answer) = client.receive()?;
        run.take(id, answer)?;
        while let Some((id, answer)) = client.receive_ready() {
            run.take(id, answer)?;
        }
        if load.confirm == Confirm::Poll && run.done == seen && run.left == 0 {
            std::thread::sleep(REST);
        }
    }
    Ok(())
}

/// What a request was about.
enum Asked {
    Submission,
    Status(String),
}

struct Run {
    /// Tasks that are still to be submitted.
    left: usize,
    /// Tasks submitted and not yet seen completed.
    in_flight: usize,
    done: usize,
    /// Requests without an answer.
    asked: HashMap<u64, Asked>,
    /// Tasks whose state is to be asked for, oldest first.
    accepted: VecDeque<String>,
}

impl Run {
    fn submit(&mut self, client: &mut Client) -> Result<()> {
        let id = client.send_tool("trivial", &json!({}))?;
        self.asked.insert(id, Asked::Submission);
        self.left -= 1;
        self.in_flight += 1;
        Ok(())
    }

    fn ask(&mut self, client: &mut Client, confirm: Confirm) -> Result<()> {
        let at_most = match confirm {
            Confirm::Wait | Confirm::Call => usize::MAX,
            Confirm::Poll => POLLS.saturating_sub(self.asked.len()).max(usize::from(self.asked.is_empty())),
        };
        for _ in 0..at_most {
            let Some(task) = self.accepted.pop_front() else { break };
            let id = match confirm {
                Confirm::Wait | Confirm::Call => {
                    client.send_tool("check_job_status", &json!({ "job_id": task, "wait_seconds": 20 }))?
                }
                Confirm::Poll => client.send("tasks/get", client::params(json!({ "taskId": task })))?,
            };
            self.asked.insert(id, Asked::Status(task));
        }
        Ok(())
    }

    fn take(&mut self, id: u64, answer: Answer) -> Result<()> {
        let answer = answer?;
        let (task, is_new) = match self.asked.remove(&id).ok_or("an answer to no question")? {
            Asked::Submission => (client::task_id(&answer)?.to_owned(), true),
            Asked::Status(task) => (task, false),
        };
        match status(&answer) {
            "completed" => {
                self.done += 1;
                self.in_flight -= 1;
            }
            "failed" | "cancelled" => return Err(format!("a trivial job did not complete: {answer}").into()),
            _ if is_new => self.accepted.push_back(task),
            // Still on its way: ask again, before younger ones.
            _ => self.accepted.push_front(task),
        }
        Ok(())
    }
}

/// The state in a task of the protocol (a handle, or the answer of `tasks/get`) or in the answer of one of our tools. A job that failed is an MCP task that completed
/// with an error.
fn status(answer: &Value) -> &str {
    let (status, result) = match answer["status"].as_str() {
        Some(status) => (Some(status), &answer["result"]),
        None => (answer["structuredContent"]["status"].as_str(), answer),
    };
    if result["isError"] == true { "failed" } else { status.unwrap_or("failed") }
}
