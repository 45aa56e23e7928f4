//! `checkpoint`: where the effects of an attempt become real.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longshore_domain::{JobTypeName, Limits, LogLevel, Save, SaveAnswer, StopReason};
use tokio::time::Instant;

use crate::bindings::longshore::job::checkpoint::Host;
use crate::bindings::longshore::job::types::Signal;
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};
use crate::host_api::{keep_no_secret, signal};

/// How far an attempt may be ahead of its pace before a save waits: a few saves that come together are as good as those
/// that keep their distance.
const AHEAD: Duration = Duration::from_millis(250);

/// Attempts of one job type that can save at their full pace at once; more share it.
const ATTEMPTS_AT_PACE: u32 = 2;

/// Messages that the database takes in the time of one more save.
const MESSAGES_A_SAVE: u32 = 32;

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
    let cost = Cost {
        bytes: state.len() as u64 + attempt.outbox.unsaved_bytes(),
        messages: attempt.outbox.unsaved(),
        artifacts: attempt.artifacts.written(),
    };
    keep_pace(attempt, cost.within(attempt.limits())).await;
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

/// Waits until the attempt, and its job type, have kept the pace of their saves, and tells the author of a job that has to.
async fn keep_pace(attempt: &mut Attempt, cost: Duration) {
    let now = Instant::now();
    let own = attempt.saves_paid_until.max(now);
    attempt.saves_paid_until = own + cost;
    let shared = attempt.shared.paces.take(&attempt.request.job.job_type.name, now, cost / ATTEMPTS_AT_PACE);
    let may_save_at = own.max(shared).checked_sub(AHEAD).unwrap_or(now);
    if may_save_at <= now {
        return;
    }
    if !std::mem::replace(&mut attempt.was_told_of_pace, true) {
        let told = "this job saves faster than limits.saves_per_second and limits.saved_bytes_per_second let it: its saves wait";
        attempt.log.write(LogLevel::Warn, told.into());
    }
    tokio::time::sleep_until(may_save_at).await;
}

/// Until when the saves of all attempts of a job type would keep them.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<JobTypeName, Instant>>);

impl Paces {
    /// Adds a save to those of a job type, and says when its turn is.
    fn take(&self, job_type: &JobTypeName, now: Instant, cost: Duration) -> Instant {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.retain(|_, paid_until| *paid_until > now);
        let turn = paces.get(job_type).copied().unwrap_or(now);
        paces.insert(job_type.clone(), turn + cost);
        turn
    }
}

/// What a save brings to disk.
struct Cost {
    bytes: u64,
    messages: u32,
    artifacts: u32,
}

impl Cost {
    /// What it takes of the time of an attempt that saves all the time. One thread writes for all attempts, and brings what it
    /// writes to disk: saves without a pause would leave nothing of it for the others. A job that saves as it should never
    /// waits.
    fn within(&self, limits: &Limits) -> Duration {
        let saves = 1 + self.artifacts + self.messages / MESSAGES_A_SAVE;
        let of_saves = Duration::from_secs(1) / limits.saves_per_second.max(1) * saves;
        // However few bytes a second there are, the largest state takes no longer than jobs have when they are to stop.
        let bytes_per_second = limits.saved_bytes_per_second.max(limits.checkpoint_bytes_max / 2).max(1);
        of_saves.max(Duration::from_secs_f64(self.bytes as f64 / bytes_per_second as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_of_a_job_type_share_a_pace() {
        let (paces, now, cost) = (Paces::default(), Instant::now(), Duration::from_millis(100));
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        assert_eq!(paces.take(&one, now, cost), now);
        assert_eq!(paces.take(&one, now, cost), now + cost);
        assert_eq!(paces.take(&other, now, cost), now);
        assert_eq!(paces.take(&one, now + 5 * cost, cost), now + 5 * cost, "what was not used is gone");
    }

    #[test]
    fn saves_are_paced_by_their_number_and_by_their_bytes() {
        let limits = Limits { saves_per_second: 100, saved_bytes_per_second: 16 << 20, ..Limits::default() };
        let ms = |bytes, messages, artifacts| Cost { bytes, messages, artifacts }.within(&limits).as_millis();
        assert_eq!(ms(1_000, 0, 0), 10);
        assert_eq!(ms(8 << 20, 0, 0), 500);
        assert_eq!(ms(0, 10 * MESSAGES_A_SAVE, 0), 110);
        assert_eq!(ms(0, 0, 99), 1_000);
        let slow = Limits { saved_bytes_per_second: 1, ..limits.clone() };
        let largest = Cost { bytes: slow.checkpoint_bytes_max, messages: 0, artifacts: 0 };
        assert_eq!(largest.within(&slow), Duration::from_secs(2));
    }
}
