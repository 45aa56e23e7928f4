//! Takes its time, and ends soon when it is told to stop; unless it is to oversleep that.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::longshore::job::progress;
use crate::longshore::job::types::Signal;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    /// How long it goes on.
    ms: u64,
    /// Sleeps all that time in one call into the host.
    #[serde(default)]
    soundly: bool,
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "sleeper".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Sleeper".into(),
            description: "Takes its time, and ends soon when it is told to stop.".into(),
            input_schema: r#"{
                "type": "object",
                "properties": {"ms": {"type": "integer", "minimum": 0}, "soundly": {"type": "boolean"}},
                "required": ["ms"]
            }"#
            .into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let nap = if input.soundly { input.ms } else { 5 };
        // By the clock: each nap takes somewhat longer than it is to, which adds up to seconds.
        let began = Instant::now();
        let mut slept = 0;
        while slept < input.ms {
            if progress::report(slept, Some(input.ms), "asleep") == Signal::Stop {
                return Err(JobError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(nap));
            slept = began.elapsed().as_millis() as u64;
        }
        Ok("{}".into())
    }
}

export!(Component);
