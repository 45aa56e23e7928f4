//! Counts its own effects, so that one which is lost or done twice shows: in each step it adds a numbered line to a ledger,
//! bytes to a pile, and sends numbered messages, with a save only after all of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::longshore::job::types::{RetryRequest, Signal};
use crate::longshore::job::{artifacts, checkpoint, outbox, progress, task};

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

/// Steps after which another pile is begun, so that saves differ in their number of files.
const STEPS_PER_PILE: u64 = 4;

#[derive(Deserialize)]
struct Input {
    steps: u64,
    /// Bytes that each step adds to a pile.
    #[serde(default)]
    pile_bytes: usize,
    /// Messages that each step sends.
    #[serde(default)]
    messages: u64,
    /// Channel of the messages.
    #[serde(default = "email")]
    channel: String,
    /// How long each step rests between its effects and their save.
    #[serde(default)]
    rest_ms: u64,
    /// The first attempt fails in this step, after its effects and before their save.
    fail_at: Option<u64>,
}

fn email() -> String {
    "email".into()
}

/// What is saved. The chain depends on every step in its order, so that a step which is left out or repeated shows.
#[derive(Default, Deserialize, Serialize)]
struct State {
    done: u64,
    chain: u64,
    pile_bytes: u64,
    messages: u64,
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "counter".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Counter".into(),
            description: "Counts its own effects.".into(),
            input_schema: r#"{
                "type": "object",
                "properties": {
                    "steps": {"type": "integer", "minimum": 0},
                    "pile_bytes": {"type": "integer", "minimum": 0},
                    "messages": {"type": "integer", "minimum": 0},
                    "channel": {"type": "string"},
                    "rest_ms": {"type": "integer", "minimum": 0},
                    "fail_at": {"type": "integer", "minimum": 0}
                },
                "required": ["steps"],
                "additionalProperties": false
            }"#
            .into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let mut state: State = match checkpoint::load() {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(failed)?,
            None => State::default(),
        };
        let ledger = artifacts::open("ledger.txt", "text/plain").map_err(|error| failed(error.message))?;
        let first = state.done;
        while state.done < input.steps {
            let chain = chained(state.chain, state.done);
            ledger.write(format!("{} {chain:016x}\n", state.done).as_bytes());
            state.pile_bytes += pile(&input, state.done, chain)?;
            state.messages += send(&input, state.done, chain)?;
            if input.fail_at == Some(state.done) && task::current().attempt == 1 {
                return Err(JobError::Retry(RetryRequest {
                    message: format!("step {} fails", state.done),
                    after_ms: Some(1),
                }));
            }
            std::thread::sleep(Duration::from_millis(input.rest_ms));
            (state.done, state.chain) = (state.done + 1, chain);
            progress::report(state.done, Some(input.steps), &format!("since {first}"));
            if checkpoint::save(&serde_json::to_vec(&state).map_err(failed)?) == Signal::Stop {
                return Err(JobError::Cancelled);
            }
        }
        // After the last save: what only the end commits.
        ledger.write(b"end\n");
        state.messages += send(&input, input.steps, state.chain)?;
        serde_json::to_string(&state).map_err(failed)
    }
}

/// FNV-1a over the number of the step.
fn chained(chain: u64, step: u64) -> u64 {
    step.to_le_bytes().iter().fold(chain ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Adds the step's bytes to its pile, in pieces of uneven length.
fn pile(input: &Input, step: u64, chain: u64) -> Result<u64, JobError> {
    if input.pile_bytes == 0 {
        return Ok(0);
    }
    let name = format!("pile-{}.bin", step / STEPS_PER_PILE);
    let pile = artifacts::open(&name, "application/octet-stream").map_err(|error| failed(error.message))?;
    let bytes: Vec<u8> = chain.to_le_bytes().into_iter().cycle().take(input.pile_bytes).collect();
    for piece in bytes.chunks(10_007) {
        pile.write(piece);
    }
    Ok(bytes.len() as u64)
}

/// Sends the step's messages. A key that the task has used before is an effect done twice.
fn send(input: &Input, step: u64, chain: u64) -> Result<u64, JobError> {
    for number in 0..input.messages {
        outbox::send(&outbox::Message {
            channel: input.channel.clone(),
            key: format!("step-{step}-{number}"),
            recipient: "somebody@example.com".into(),
            subject: format!("Step {step}"),
            content_type: "text/plain".into(),
            body: format!("{chain:016x}"),
        })
        .map_err(|error| failed(format!("message {step}-{number}: {}", error.message)))?;
    }
    Ok(input.messages)
}

fn failed(error: impl ToString) -> JobError {
    JobError::Failed(error.to_string())
}

export!(Component);
