//! `checkpoint`: where the effects of an attempt become real.

use std::time::Duration;

use longshore_domain::{Save, SaveAnswer, StopReason};
use tokio::time::Instant;

use crate::bindings::longshore::job::checkpoint::Host;
use crate::bindings::longshore::job::types::Signal;
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};
use crate::host_api::{keep_no_secret, signal};

/// Bytes of states that one attempt saves in a second, at most: one thread writes for all attempts, and large states
/// saved without a pause would leave nothing of it for the others. A job that saves as it should never waits for it.
const STATE_BYTES_A_SECOND: u64 = 16 << 20;

impl Host for Guest {
    fn load(&mut self) -> wasmtime::Result<Option<Vec<u8>>> {
        let attempt = self.attempt()?;
        let earlier = || attempt.request.claimed.checkpoint.as_ref().map(|saved| saved.state.clone());
        Ok(attempt.saved.clone().or_else(earlier))
    }

    async fn save(&mut self, state: Vec<u8>) -> wasmtime::Result<Signal> {
        keep_no_secret(&self.log, &state, "its checkpoint")?;
        save(self.attempt()?, state).await
    }
}

async fn save(attempt: &mut Attempt, state: Vec<u8>) -> wasmtime::Result<Signal> {
    let bytes_max = attempt.limits().checkpoint_bytes_max;
    if state.len() as u64 > bytes_max {
        let what = format!("the job saved a checkpoint of {} bytes, and may save", state.len());
        return Err(attempt.limits_of().exceeded(what, bytes_max, "checkpoint_bytes_max").into());
    }
    if attempt.stop_reason() == Some(StopReason::Fenced) {
        return Err(Ended::Stopped(StopReason::Fenced).into());
    }
    // Before anything is written: a guest that is ended while it waits has saved nothing.
    tokio::time::sleep_until(attempt.next_save_at).await;
    attempt.next_save_at = Instant::now() + pause_after(state.len());
    // Files first: what the store lists must be on disk.
    let artifacts = attempt.artifacts.sync().await?;
    let save = Save {
        at: attempt.shared.clock.now(),
        state: state.clone(),
        progress: attempt.request.progress.latest(),
        artifacts,
        messages: attempt.outbox.take_unsaved(),
    };
    let reference = attempt.request.claimed.attempt;
    // Side by side, so that the store can commit both at once.
    let (answer, ()) = tokio::join!(attempt.shared.store.save(reference, save), attempt.flusher.flush());
    match answer {
        Ok(SaveAnswer::Saved { cancel_requested }) => {
            attempt.saved = Some(state);
            if cancel_requested {
                attempt.request.stop.stop(StopReason::Cancelled);
            }
            attempt.artifacts.saved().await;
            Ok(signal(attempt))
        }
        Ok(SaveAnswer::Fenced) => {
            attempt.artifacts.not_saved();
            Err(Ended::Stopped(StopReason::Fenced).into())
        }
        Err(error) => Err(Ended::store_failed("the checkpoint was not saved", &error).into()),
    }
}

/// How long the save after one of so many bytes has to wait.
fn pause_after(bytes: usize) -> Duration {
    Duration::from_nanos(bytes as u64 * 1_000_000_000 / STATE_BYTES_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_states_are_saved_as_often_as_one_likes_and_large_ones_are_not() {
        assert!(pause_after(1_000) < Duration::from_micros(100));
        assert_eq!(pause_after(8 << 20), Duration::from_millis(500));
    }
}
