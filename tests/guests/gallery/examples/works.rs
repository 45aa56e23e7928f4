//! The good neighbour of all the others. Each of its steps does some of everything that jobs do: it computes, adds to an
//! artifact, tells how far it is, saves, and waits.

use std::hint::black_box;
use std::thread::sleep;
use std::time::Duration;

use gallery::JobError;
use gallery::longshore::job::types::Signal;
use gallery::longshore::job::{artifacts, checkpoint, log, progress};

const STEPS: u64 = 8;
/// Turns of the loop that a step computes: some milliseconds.
const TURNS: u64 = 2_000_000;
const ARTIFACT_BYTES: usize = 16 * 1024;
/// Lines of its log where it is told to log much: for ten jobs more than the host's database keeps of itself in memory.
const LINES: usize = 1_000;
const LINE_BYTES: usize = 1_000;
/// As a job waits that asks another service.
const WAIT: Duration = Duration::from_millis(10);

gallery::guest!("Does some of everything that jobs do.", |input: String| {
    if input.contains("log_much") {
        (0..LINES).for_each(|_| log::write(log::Level::Info, &"x".repeat(LINE_BYTES)));
    }
    let artifact = artifacts::open("work.bin", "application/octet-stream");
    let artifact = artifact.map_err(|error| JobError::Failed(error.message))?;
    let mut sum = 0;
    for step in 1..=STEPS {
        sum = compute(sum);
        artifact.write(&vec![sum as u8; ARTIFACT_BYTES]);
        progress::report(step, Some(STEPS), "working");
        if checkpoint::save(&sum.to_le_bytes()) == Signal::Stop {
            return Err(JobError::Cancelled);
        }
        sleep(WAIT);
    }
    Ok(format!("{{\"sum\": {sum}}}"))
});

fn compute(seed: u64) -> u64 {
    (0..TURNS)
        .fold(seed, |sum, turn| black_box(sum.rotate_left(5) ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}
