//! Works in steps, and saves after each: what a job that resumes has to get right.

use serde::{Deserialize, Serialize};

use crate::longshore::job::types::{RetryRequest, Signal};
use crate::longshore::job::{artifacts, checkpoint, log, outbox, progress, task};

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    steps: u64,
    /// The first attempt fails in this step, after its effects and before their save.
    fail_at: Option<u64>,
    /// Name of an artifact that gets one line a step.
    artifact: Option<String>,
    /// Channel of a message a step.
    messages: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
struct State {
    done: u64,
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "steps".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Steps".into(),
            description: "Works in steps, and saves after each.".into(),
            input_schema: r#"{
                "type": "object",
                "properties": {
                    "steps": {"type": "integer", "minimum": 0},
                    "fail_at": {"type": "integer", "minimum": 0},
                    "artifact": {"type": "string"},
                    "messages": {"type": "string"}
                },
                "required": ["steps"],
                "additionalProperties": false
            }"#
            .into(),
            output_schema: Some(
                r#"{"type": "object", "properties": {"steps": {"type": "integer"}}, "required": ["steps"]}"#
                    .into(),
            ),
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let task = task::current();
        let mut state: State = match checkpoint::load() {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(failed)?,
            None => State::default(),
        };
        log::write(log::Level::Info, &format!("attempt {} begins at step {}", task.attempt, state.done));
        let artifact = match &input.artifact {
            Some(name) => Some(artifacts::open(name, "text/plain").map_err(|error| failed(error.message))?),
            None => None,
        };
        while state.done < input.steps {
            let step = state.done;
            if let Some(artifact) = &artifact {
                artifact.write(format!("step {step}\n").as_bytes());
            }
            if let Some(channel) = &input.messages {
                send(channel, step)?;
            }
            if input.fail_at == Some(step) && task.attempt == 1 {
                return Err(JobError::Retry(RetryRequest {
                    message: format!("step {step} fails"),
                    after_ms: Some(1),
                }));
            }
            state.done += 1;
            progress::report(state.done, Some(input.steps), &format!("step {}", state.done));
            if checkpoint::save(&serde_json::to_vec(&state).map_err(failed)?) == Signal::Stop {
                return Err(JobError::Cancelled);
            }
        }
        Ok(format!(r#"{{"steps":{}}}"#, state.done))
    }
}

fn send(channel: &str, step: u64) -> Result<(), JobError> {
    let message = outbox::Message {
        channel: channel.into(),
        key: format!("step-{step}"),
        recipient: "somebody@example.com".into(),
        subject: format!("Step {step}"),
        content_type: "text/plain".into(),
        body: format!("Step {step} is done."),
    };
    match outbox::send(&message) {
        Err(error) if error.code != "duplicate_key" => Err(failed(error.message)),
        _ => Ok(()),
    }
}

fn failed(error: impl ToString) -> JobError {
    JobError::Failed(error.to_string())
}

export!(Component);
