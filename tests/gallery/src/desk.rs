//! The client's desk: many jobs are watched at once, and whatever is heard of one of them is taken in the order in which it
//! comes.

use std::collections::{HashSet, VecDeque};

use longshore_bench::Result;
use longshore_bench::client::Client;
use serde_json::{Map, Value, json};

/// How long a status may be held back until something changes.
const HOLD_SECONDS: u64 = 20;

pub(crate) struct Desk {
    client: Client,
    /// Requests for the status of a job that have no answer yet.
    watched: HashSet<u64>,
    /// Answers to them that came while another answer was waited for.
    heard: VecDeque<Value>,
}

impl Desk {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, watched: HashSet::new(), heard: VecDeque::new() }
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.client.pid()
    }

    /// Closes the pipe and waits for the server to end.
    pub(crate) fn stop(self) -> Result<()> {
        self.client.stop()
    }

    /// Calls a tool and waits for its answer.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let asked = self.client.send_tool(tool, arguments)?;
        loop {
            let (id, answer) = self.client.receive()?;
            let content = answer?["structuredContent"].take();
            if id == asked {
                return Ok(content);
            }
            self.note(id, content)?;
        }
    }

    /// Submits a job and gives its id.
    pub(crate) fn submit(&mut self, job_type: &str) -> Result<String> {
        self.submit_many(job_type, &json!({}), 1)?.pop().ok_or_else(|| "no job".into())
    }

    /// Submits that many jobs with the same payload and gives their ids.
    pub(crate) fn submit_many(
        &mut self,
        job_type: &str,
        payload: &Value,
        count: usize,
    ) -> Result<Vec<String>> {
        let mut open = HashSet::new();
        for _ in 0..count {
            open.insert(
                self.client.send_tool("enqueue_job", &json!({ "job_type": job_type, "payload": payload }))?,
            );
        }
        let mut jobs = Vec::new();
        while !open.is_empty() {
            let (id, answer) = self.client.receive()?;
            let content = answer?["structuredContent"].take();
            if open.remove(&id) {
                let job = content["job_id"].as_str();
                jobs.push(job.ok_or_else(|| format!("`{job_type}` was not taken: {content}"))?.to_owned());
            } else {
                self.note(id, content)?;
            }
        }
        Ok(jobs)
    }

    /// Has the next change of a job's status be heard.
    pub(crate) fn watch(&mut self, job: &str) -> Result<()> {
        let asked = json!({ "job_id": job, "wait_seconds": HOLD_SECONDS });
        self.watched.insert(self.client.send_tool("check_job_status", &asked)?);
        Ok(())
    }

    /// The next status of any job that is watched; that job is then watched no more.
    pub(crate) fn hear(&mut self) -> Result<Value> {
        while self.heard.is_empty() {
            let (id, answer) = self.client.receive()?;
            self.note(id, answer?["structuredContent"].take())?;
        }
        self.heard.pop_front().ok_or_else(|| "nothing was heard".into())
    }

    /// Watches one job until its status is as wanted. No other may be watched meanwhile.
    pub(crate) fn until(&mut self, job: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        loop {
            let status = self.call("check_job_status", &json!({ "job_id": job }))?;
            if wanted(&status) {
                return Ok(status);
            }
            self.watch(job)?;
            let status = self.hear()?;
            if wanted(&status) {
                return Ok(status);
            }
        }
    }

    /// What there is of job types, and why others are not there.
    pub(crate) fn job_types(&mut self) -> Result<Value> {
        self.call("list_job_types", &Value::Object(Map::new()))
    }

    fn note(&mut self, id: u64, status: Value) -> Result<()> {
        if !self.watched.remove(&id) {
            return Err(format!("an answer to no question: {status}").into());
        }
        self.heard.push_back(status);
        Ok(())
    }
}

/// Whether a job has ended.
pub(crate) fn has_ended(status: &Value) -> bool {
    matches!(status["status"].as_str(), Some("completed" | "failed" | "cancelled"))
}

/// The id of the job that a status is of.
pub(crate) fn job_id(status: &Value) -> Result<&str> {
    status["job_id"].as_str().ok_or_else(|| format!("no job in {status}").into())
}
