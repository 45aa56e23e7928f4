//! Computes so many rounds, and calls the host so many times: what the sandbox costs.

use serde::Deserialize;

use crate::longshore::job::progress;

mod kernel;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    rounds: u32,
    #[serde(default)]
    calls: u64,
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "compute".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Compute".into(),
            description: "Computes so many rounds, and calls the host so many times.".into(),
            input_schema: r#"{
                "type": "object",
                "properties": {
                    "rounds": {"type": "integer", "minimum": 0},
                    "calls": {"type": "integer", "minimum": 0}
                }
            }"#
            .into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let sum = kernel::compute(input.rounds);
        for call in 0..input.calls {
            progress::report(call, None, "");
        }
        Ok(sum.to_string())
    }
}

export!(Component);
