//! A job whose every step is chosen by chance: it saves, reports, sends, ends well or badly, panics, heeds a stop or
//! does not, and goes on after it lost its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fastrand::Rng;
use longshore_domain::{
    AttemptRef, CheckpointStore, Clock, Code, Failure, InputViolation, JobProgram, NewMessage, Progress,
    RunOutcome, RunReport, RunRequest, Save, SaveAnswer, SavedArtifact, StopReason, Usage,
};
use serde_json::Value;

use crate::book::SharedBook;
use crate::common::ManualClock;
use crate::gates::{Fault, Gates, Go};
use crate::store::GatedStore;

/// What all jobs of a process run with.
pub(crate) struct Chancy {
    pub(crate) store: Arc<GatedStore>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) book: SharedBook,
    /// Whether jobs are to come to an end now.
    pub(crate) calm: Arc<AtomicBool>,
}

/// One attempt: what it has done and not saved yet.
struct Work<'a> {
    program: &'a Chancy,
    request: &'a RunRequest,
    artifacts: Vec<SavedArtifact>,
    messages: Vec<NewMessage>,
    /// Things done, so that no two are alike.
    done: u32,
}

#[async_trait]
impl JobProgram for Chancy {
    async fn check_input(&self, _input: &Value) -> Vec<InputViolation> {
        Vec::new()
    }

    async fn run(&self, request: RunRequest) -> RunReport {
        self.gates.attempt_began(request.claimed.attempt);
        let resumed = request.claimed.checkpoint.as_ref();
        let artifacts = resumed.map(|checkpoint| checkpoint.artifacts.clone()).unwrap_or_default();
        let mut work = Work { program: self, request: &request, artifacts, messages: Vec::new(), done: 0 };
        let outcome = loop {
            let what = format!("step of {}", self.book.attempt(request.claimed.attempt));
            let Go::On(chance) = self.gates.pass(what, Fault::Excluded).await else {
                unreachable!("a step does not fail by itself")
            };
            if let Some(outcome) = work.step(&mut Rng::with_seed(chance)).await {
                break outcome;
            }
        };
        work.report(outcome)
    }
}

impl Work<'_> {
    /// Does something, and says how the attempt ends if it does.
    async fn step(&mut self, rng: &mut Rng) -> Option<RunOutcome> {
        self.done += 1;
        let calm = self.program.calm.load(Ordering::SeqCst);
        if let Some(reason) = self.request.stop.reason()
            && (calm || rng.bool())
        {
            return Some(RunOutcome::Stopped(reason));
        }
        match rng.u32(0..if calm { 60 } else { 100 }) {
            0..20 => self.save(rng).await,
            20..35 => {
                self.send(rng);
                None
            }
            35..60 => Some(RunOutcome::Completed(format!("{{\"by\":{}}}", self.attempt().number))),
            60..70 => {
                self.request.progress.report(u64::from(self.done), Some(rng.u64(1..20)), String::new());
                None
            }
            70..73 if self.done == 1 => Some(RunOutcome::NoRoom),
            // Unwound without the hook that would print it.
            73..75 => std::panic::resume_unwind(Box::new("the script says so")),
            75..95 => Some(RunOutcome::Failed(failure(rng))),
            _ => None,
        }
    }

    async fn save(&mut self, rng: &mut Rng) -> Option<RunOutcome> {
        self.write(rng);
        let save = Save {
            at: self.program.clock.now(),
            state: self.signed().into_bytes(),
            progress: self.progress(),
            artifacts: self.artifacts.clone(),
            messages: self.messages.clone(),
        };
        match self.program.store.save(self.attempt(), save).await {
            Ok(SaveAnswer::Saved { .. }) => {
                self.messages.clear();
                None
            }
            // A well-behaved sandbox stops here; one that does not must change nothing either.
            Ok(SaveAnswer::Fenced) if rng.bool() => Some(RunOutcome::Stopped(StopReason::Fenced)),
            Ok(SaveAnswer::Fenced) => None,
            Err(error) => Some(RunOutcome::Failed(Failure::new(Code::HostError, error.to_string()))),
        }
    }

    /// Writes to an artifact, perhaps a new one.
    fn write(&mut self, rng: &mut Rng) {
        let index = rng.usize(0..3);
        if let Some(artifact) = self.artifacts.get_mut(index) {
            artifact.bytes += rng.u64(1..100);
        } else if rng.bool() {
            self.artifacts.push(SavedArtifact {
                name: format!("{}.csv", self.artifacts.len()),
                media_type: "text/csv".into(),
                bytes: rng.u64(1..100),
                sha256: None,
            });
        }
    }

    /// Sends a message, often under a key that was used before.
    fn send(&mut self, rng: &mut Rng) {
        self.messages.push(NewMessage {
            // Rarely one that nobody knows: its message is tried for a day, which makes a long run of any.
            channel: if rng.u32(0..60) == 0 { "pigeon" } else { "email" }.into(),
            key: rng.u32(0..5).to_string(),
            recipient: "somebody".into(),
            subject: "News".into(),
            content_type: "text/plain".into(),
            body: self.signed(),
        });
    }

    fn attempt(&self) -> AttemptRef {
        self.request.claimed.attempt
    }

    /// A text that nobody else writes.
    fn signed(&self) -> String {
        format!("{}, thing {}", self.program.book.attempt(self.attempt()), self.done)
    }

    fn progress(&self) -> Progress {
        self.request.progress.latest()
    }

    fn report(self, outcome: RunOutcome) -> RunReport {
        let completed = matches!(outcome, RunOutcome::Completed(_));
        let sealed = |artifact: SavedArtifact| SavedArtifact { sha256: Some("a".repeat(64)), ..artifact };
        RunReport {
            outcome,
            usage: Usage::default(),
            progress: self.progress(),
            artifacts: if completed { self.artifacts.into_iter().map(sealed).collect() } else { Vec::new() },
            messages: if completed { self.messages } else { Vec::new() },
        }
    }
}

fn failure(rng: &mut Rng) -> Failure {
    let mut failure = Failure::new(Code::ALL[rng.usize(0..Code::ALL.len())], "the script says so");
    failure.retry_after = (rng.u32(0..4) == 0).then(|| Duration::from_millis(rng.u64(0..20_000)));
    failure
}
