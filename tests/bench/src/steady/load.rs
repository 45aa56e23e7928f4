//! The load: whenever a job ends the next one is submitted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use longshore_bench::Result;
use longshore_bench::client::{self, Answer, Client};
use longshore_bench::counter;
use longshore_bench::machine::resident_mib;
use longshore_bench::program::say;
use serde_json::{Value, json};

use crate::memory::Memory;

const STEPS: u64 = 10;
/// How long the shortest and the longest job rest in each step: 10 to 15 seconds in all.
const REST_MS: [u64; 2] = [1_000, 1_500];
/// How long a status may be held back until something changes. Not in phase with the steps of jobs.
const HOLD_SECONDS: u64 = 20;
/// How often the server's memory is looked at, and how often progress is told.
const LOOK: Duration = Duration::from_secs(1);
const TELL: Duration = Duration::from_secs(30);
/// A server that says nothing for so long has stopped: it answers at least whenever a status was held back long enough.
const SILENT: Duration = Duration::from_secs(60);
/// Faults after which there is nothing left to learn.
const FAULTS_MAX: usize = 1_000;

struct Job {
    submitted: Instant,
    latency: Duration,
}

enum Asked {
    Submission(Job),
    Status(Job),
}

/// What happened so far.
pub(crate) struct Run {
    in_flight: usize,
    began: Instant,
    /// Requests without an answer.
    asked: HashMap<u64, Asked>,
    pub(crate) submitted: usize,
    pub(crate) completed: usize,
    pub(crate) faults: Vec<String>,
    pub(crate) late_ms: Vec<f64>,
    /// From the first submission to the last end.
    pub(crate) seconds: f64,
}

impl Run {
    pub(crate) fn new(in_flight: usize) -> Self {
        Self {
            in_flight,
            began: Instant::now(),
            asked: HashMap::new(),
            submitted: 0,
            completed: 0,
            faults: Vec::new(),
            late_ms: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Keeps jobs in flight for that long, and then sees the last ones through.
    pub(crate) fn go_on_for(
        mut self,
        client: &mut Client,
        time: Duration,
        memory: &mut Memory,
    ) -> Result<Self> {
        self.began = Instant::now();
        let (mut looked, mut told, mut heard) = (self.began, self.began, self.began);
        loop {
            let goes_on = self.began.elapsed() < time && self.faults.len() < FAULTS_MAX;
            while goes_on && self.asked.len() < self.in_flight {
                self.submit(client)?;
            }
            if self.asked.is_empty() {
                self.seconds = self.began.elapsed().as_secs_f64();
                return Ok(self);
            }
            if let Some((id, answer)) = client.receive_within(LOOK)? {
                heard = Instant::now();
                self.take(client, id, answer)?;
            } else if heard.elapsed() > SILENT {
                return Err(
                    format!("no answer for a minute, and {} jobs are in flight", self.asked.len()).into()
                );
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                memory.note(self.began.elapsed(), resident_mib(client.pid())?);
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                self.tell(time, memory);
            }
        }
    }

    fn submit(&mut self, client: &mut Client) -> Result<()> {
        let rest_ms = rest_ms(self.submitted);
        let job = Job { submitted: Instant::now(), latency: Duration::from_millis(rest_ms * STEPS) };
        let id = client.send_tool(counter::NAME, &counter::arguments(STEPS, rest_ms))?;
        self.asked.insert(id, Asked::Submission(job));
        self.submitted += 1;
        Ok(())
    }

    fn take(&mut self, client: &mut Client, id: u64, answer: Answer) -> Result<()> {
        let asked = self.asked.remove(&id).ok_or("an answer to no question")?;
        let (job, answer) = match (asked, answer) {
            (Asked::Submission(job) | Asked::Status(job), Ok(answer)) => (job, answer),
            (_, Err(refusal)) => {
                self.faults.push(format!("a request was refused: {refusal}"));
                return Ok(());
            }
        };
        let status = &answer["structuredContent"];
        match status["status"].as_str().or_else(|| answer["status"].as_str()) {
            Some("completed" | "failed" | "cancelled") => self.ended(&job, status),
            Some(_) => {
                let held = json!({ "job_id": client::task_id(&answer)?, "wait_seconds": HOLD_SECONDS });
                let id = client.send_tool("check_job_status", &held)?;
                self.asked.insert(id, Asked::Status(job));
            }
            None => self.faults.push(format!("no status in {answer}")),
        }
        Ok(())
    }

    fn ended(&mut self, job: &Job, status: &Value) {
        if let Some(fault) = counter::fault(status, STEPS) {
            self.faults.push(fault);
        } else if status["attempts"] != 1 {
            self.faults.push(format!("a job needed another attempt: {status}"));
        } else {
            self.completed += 1;
            let late = job.submitted.elapsed().saturating_sub(job.latency);
            self.late_ms.push(late.as_secs_f64() * 1e3);
        }
    }

    fn tell(&self, time: Duration, memory: &Memory) {
        say(&format!(
            "{:.1} of {:.1} minutes, {} in flight, {} completed, {} errors, {:.1} MiB",
            self.began.elapsed().as_secs_f64() / 60.0,
            time.as_secs_f64() / 60.0,
            self.asked.len(),
            self.completed,
            self.faults.len(),
            memory.latest(),
        ));
    }
}

/// How long the job of that number rests in a step: spread evenly, and the same in each run. Multiples of the golden ratio
/// never come in step.
fn rest_ms(number: usize) -> u64 {
    let [shortest, longest] = REST_MS;
    let share = (number as f64 * 0.618_033_988_749_895).fract();
    shortest + (share * (longest - shortest) as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_rest_for_10_to_15_seconds() {
        let all: Vec<u64> = (0..1_000).map(|number| rest_ms(number) * STEPS).collect();
        assert!(all.iter().all(|ms| (10_000..=15_000).contains(ms)));
        let mean = all.iter().sum::<u64>() / 1_000;
        assert!((12_400..12_600).contains(&mean), "{mean}");
    }
}
