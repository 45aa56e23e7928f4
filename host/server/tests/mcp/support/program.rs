//! A job type that does what its input says.

use std::sync::Arc;

use async_trait::async_trait;
use longshore_domain::{
    ArtifactFiles, Code, Failure, InputViolation, JobProgram, Progress, RunOutcome, RunReport, RunRequest,
    SavedArtifact, Usage,
};
use serde_json::Value;
use tokio::sync::watch;

/// Does what its input says: `{"do": "work" | "fail" | "hold" | "file"}`. A job that holds goes on when the gate opens.
pub struct Scripted {
    pub files: Arc<dyn ArtifactFiles>,
    pub gate: watch::Receiver<u64>,
}

#[async_trait]
impl JobProgram for Scripted {
    async fn check_input(&self, input: &Value) -> Vec<InputViolation> {
        match input.get("do") {
            Some(Value::String(_)) => Vec::new(),
            _ => vec![InputViolation { field: "/do".into(), message: "do is a text and is required".into() }],
        }
    }

    async fn run(&self, request: RunRequest) -> RunReport {
        let input: Value = serde_json::from_str(&request.claimed.payload).unwrap();
        let mut artifacts = Vec::new();
        let outcome = match input["do"].as_str().unwrap() {
            "work" => RunOutcome::Completed(r#"{"records_processed":3}"#.into()),
            "fail" => RunOutcome::Failed(Failure::new(Code::JobFailed, "the printer is on fire")),
            "hold" => self.hold(&request).await,
            "file" => {
                artifacts = self.write(&request, &input);
                RunOutcome::Completed("{}".into())
            }
            other => panic!("no script for {other}"),
        };
        let progress = match outcome {
            RunOutcome::Completed(_) => Progress { done: 3, total: Some(3), message: "done".into() },
            _ => request.progress.latest(),
        };
        RunReport { outcome, usage: Usage::default(), progress, artifacts, messages: Vec::new() }
    }
}

impl Scripted {
    /// Reports progress each time the gate is moved, and ends when it is opened (an even number).
    async fn hold(&self, request: &RunRequest) -> RunOutcome {
        let mut gate = self.gate.clone();
        loop {
            let moved = *gate.borrow_and_update();
            if moved > 0 && moved.is_multiple_of(2) {
                return RunOutcome::Completed("{}".into());
            }
            request.progress.report(1 + moved, Some(100), "holding".into());
            tokio::select! {
                changed = gate.changed() => if changed.is_err() {
                    return RunOutcome::Completed("{}".into());
                },
                reason = request.stop.stopped() => return RunOutcome::Stopped(reason),
            }
        }
    }

    fn write(&self, request: &RunRequest, input: &Value) -> Vec<SavedArtifact> {
        let name = input["name"].as_str().unwrap_or("out.csv");
        let media_type = input["media_type"].as_str().unwrap_or("text/csv");
        let mut files = self.files.open_attempt(request.claimed.attempt, None).unwrap();
        let handle = files.open(name, media_type).unwrap();
        let text = input["text"].as_str().map_or_else(
            || vec![b'x'; input["bytes"].as_u64().unwrap_or(0) as usize],
            |text| text.as_bytes().to_vec(),
        );
        files.write(handle, &text).unwrap();
        files.seal().unwrap()
    }
}
