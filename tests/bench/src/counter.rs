//! The job `counter`: it rests in steps and saves after each, and its result says whether a step was left out or repeated.

use serde_json::{Value, json};

/// The name of the job type.
pub const NAME: &str = "counter";

/// The arguments of a job of so many steps, each of which rests for `rest_ms`.
pub fn arguments(steps: u64, rest_ms: u64) -> Value {
    json!({ "steps": steps, "rest_ms": rest_ms })
}

/// What is wrong with the status of a job of so many steps that has ended; none when it did each once, in its order.
pub fn fault(status: &Value, steps: u64) -> Option<String> {
    let result = &status["result"];
    let is_right =
        status["status"] == "completed" && result["done"] == steps && result["chain"] == chain(steps);
    (!is_right).then(|| format!("a job of {steps} steps ended like this: {status}"))
}

/// What the job computes from its steps: FNV-1a, over the number of each.
fn chain(steps: u64) -> u64 {
    (0..steps).fold(0, |chain: u64, step| {
        step.to_le_bytes().iter().fold(chain ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_to_be_done_once() {
        let status = |done: u64, chain: u64| json!({ "status": "completed", "result": { "done": done, "chain": chain } });
        // Taken from a run of the job.
        assert_eq!(fault(&status(3, 14_530_108_377_909_617_382), 3), None);
        assert!(fault(&status(3, 1), 3).is_some());
        assert!(fault(&status(2, chain(2)), 3).is_some());
        assert!(fault(&json!({ "status": "failed" }), 3).is_some());
    }
}
