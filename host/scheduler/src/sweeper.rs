//! Mends what time or a lost process left: expired leases, tasks that are due, tasks past their deadline, artifacts that
//! were committed and not moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::{
    Code, FinishAnswer, LostAttempt, Recovery, StoreError, TaskState, Timestamp, WorkerId,
};

use crate::ServiceParts;
use crate::ends::{AttemptEnd, log_end_of_waiting};
use crate::health::{Ended, note_end};
use crate::publisher::Publisher;
use crate::settle::settle_lost;

/// Rows handled in one step, so that no step holds the database for long.
const BATCH: u32 = 100;

/// Expired leases that are looked at in one step: more than may run at once.
const EXPIRED_MAX: u32 = 10_000;

/// How long an expired lease waits for a process that has the plugin of its task loaded. After that the plugin is missing, and
/// its task waits for it in the queue, like any other.
const WAIT_FOR_POLICY: Duration = Duration::from_secs(30);

/// What one tick mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Scheduled tasks that were queued.
    pub promoted: u32,
    /// Expired leases that were recovered.
    pub recovered: u32,
    /// Tasks that were failed because their deadline had passed.
    pub overdue: u32,
    /// Tasks whose artifacts were published.
    pub published: u32,
}

/// Recovers what others lost. Any number of processes may sweep at once.
pub struct Sweeper {
    parts: ServiceParts,
    publisher: Publisher,
}

impl Sweeper {
    /// A sweeper over the store of `parts`.
    pub fn new(parts: ServiceParts) -> Self {
        let publisher = Publisher::new(parts.store.clone(), parts.files.clone());
        Self { parts, publisher }
    }

    /// Queues scheduled tasks that are due. Cheap when none is, so it can be called often.
    pub async fn promote(&self, now: Timestamp) -> Result<u32, StoreError> {
        let mut promoted = 0;
        while self.parts.store.next_due().await?.is_some_and(|due| due <= now) {
            let step = self.parts.store.promote_due(now, BATCH).await?;
            promoted += step;
            if step == 0 {
                break;
            }
        }
        if promoted > 0 {
            self.parts.hub.work_added();
            self.parts.hub.all_changed();
        }
        Ok(promoted)
    }

    /// One step of everything.
    pub async fn tick(&self, now: Timestamp) -> Result<Swept, StoreError> {
        let recovered = self.recover(now).await?;
        Ok(Swept { recovered, ..self.tick_sparing_leases(now).await? })
    }

    /// One step of everything but the recovery of leases.
    pub async fn tick_sparing_leases(&self, now: Timestamp) -> Result<Swept, StoreError> {
        let overdue = self.parts.store.fail_overdue(now, BATCH).await?;
        for id in &overdue {
            self.parts.hub.changed(*id);
            // The end is durable already: what cannot be read of it is left out of its line.
            let task = self.parts.store.get(None, *id).await.ok().flatten();
            log_end_of_waiting(*id, TaskState::Failed, Some(Code::DeadlineExceeded), task.as_ref());
        }
        let promoted = self.promote(now).await?;
        let published = self.publisher.publish_left_behind(BATCH).await?;
        Ok(Swept { promoted, recovered: 0, overdue: overdue.len() as u32, published })
    }

    /// Makes what a clock put off that was ahead wait from `now` on. To be done at a start and when the clock was set
    /// back.
    pub async fn bring_forward(&self, now: Timestamp) -> Result<(), StoreError> {
        let brought = self.parts.store.bring_forward(now).await?;
        if brought > 0 {
            tracing::warn!(
                count = brought,
                "the clock was ahead; retries, delayed jobs and messages that it put off were brought forward"
            );
            self.parts.hub.all_changed();
        }
        Ok(())
    }

    /// Recovers what workers held that gave no sign of life for too long, and returns how many attempts.
    pub async fn recover(&self, now: Timestamp) -> Result<u32, StoreError> {
        let expired = self.parts.store.expired(now, EXPIRED_MAX).await?;
        let expired: Vec<_> = expired.into_iter().filter(|lost| self.can_settle(lost, now)).collect();
        self.settle(expired, now, |lost| Recovery::LeaseExpired(lost.lease_until)).await
    }

    /// Recovers what workers held whose process has ended, and returns how many attempts.
    pub async fn recover_gone(&self, now: Timestamp) -> Result<u32, StoreError> {
        let liveness = Arc::clone(&self.parts.liveness);
        let gone = tokio::task::spawn_blocking(move || liveness.gone()).await.unwrap_or_default();
        let mut recovered = 0;
        for worker in gone {
            if self.parts.store.free_messages(&worker, now).await? > 0 {
                self.parts.hub.mail_added();
            }
            let held = self.parts.store.held_by(&worker, EXPIRED_MAX).await?;
            let (settled, left): (Vec<_>, Vec<_>) =
                held.into_iter().partition(|lost| self.can_settle(lost, now));
            let is_rest = left.is_empty() && settled.len() <= BATCH as usize;
            recovered += self.settle(settled, now, |lost| Recovery::WorkerGone(lost.worker.clone())).await?;
            if is_rest {
                let liveness = Arc::clone(&self.parts.liveness);
                let _ = tokio::task::spawn_blocking(move || liveness.forget(&worker)).await;
            }
        }
        Ok(recovered)
    }

    /// Whether it can be said what becomes of a lost attempt.
    ///
    /// That is for the policy of its job type to say. Where it is not loaded, as while a host starts, the attempt waits a
    /// while for a process that has it; a task that is to be cancelled, or whose time is over, ends whatever the policy.
    fn can_settle(&self, lost: &LostAttempt, now: Timestamp) -> bool {
        lost.cancel_requested
            || lost.deadline_at.is_some_and(|deadline| deadline <= now)
            || lost.lease_until.after(WAIT_FOR_POLICY) <= now
            || self.parts.catalog.current().job(lost.job_type.as_str()).is_some()
    }

    /// Ends lost attempts, a batch at most, and returns how many.
    async fn settle(
        &self,
        lost: Vec<LostAttempt>,
        now: Timestamp,
        recovery: impl Fn(&LostAttempt) -> Recovery,
    ) -> Result<u32, StoreError> {
        let mut suspects = BTreeMap::<WorkerId, u32>::new();
        for lost in lost.iter().filter(|lost| !lost.has_saved) {
            *suspects.entry(lost.worker.clone()).or_default() += 1;
        }
        let mut recovered = 0;
        for lost in lost.into_iter().take(BATCH as usize) {
            let recovery = recovery(&lost);
            let is_shared = suspects.get(&lost.worker).is_some_and(|count| *count > 1);
            if self.settle_one(lost, recovery, is_shared, now).await? {
                recovered += 1;
                // Most are queued again, and the dispatcher would otherwise find them only when it next looks by itself.
                self.parts.hub.work_added();
            }
        }
        Ok(recovered)
    }

    /// Ends one. False if another did before, or its worker lives.
    async fn settle_one(
        &self,
        lost: LostAttempt,
        recovery: Recovery,
        is_shared: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (task, job_type) = (lost.attempt.task, &lost.job_type);
        let policy = self.parts.catalog.current().job(job_type.as_str()).map(|job| job.policy.clone());
        let finish = settle_lost(&lost, recovery, is_shared, policy.as_ref(), now, fastrand::f64());
        let (ended, end) = (Ended::from(&finish), AttemptEnd::lost(&finish, &lost));
        let FinishAnswer::Recorded(state) = self.parts.store.finish(finish).await? else {
            return Ok(false);
        };
        end.log(state);
        self.parts.hub.changed(task);
        note_end(self.parts.store.as_ref(), job_type, &policy.unwrap_or_default(), &ended).await?;
        Ok(true)
    }
}
