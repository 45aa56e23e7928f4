//! Claims tasks, runs their attempts and records how they end.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use longshore_domain::{
    AttemptRef, Catalog, ClaimRequest, Claimed, Code, Failure, Finish, FinishAnswer, JobTypeClaim,
    JobTypeName, KeptSlots, LiveProgress, LoadedJob, Progress, Renewal, RenewalAnswer, RunOutcome, RunReport,
    RunRequest, StopReason, StoreError, TaskState, Timestamp, Unpublished, Usage, WorkerId,
};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use crate::ServiceParts;
use crate::ends::AttemptEnd;
use crate::health::{Ended, note_end};
use crate::publisher::Publisher;
use crate::running::RunningAttempt;
use crate::settle::{release, settle_report};

/// Waits between tries to record the end of an attempt while the database cannot be written.
const FINISH_WAIT_MIN: Duration = Duration::from_millis(50);
const FINISH_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long giving back what runs may take at the end. What is not given back by then is taken over when its lease ends.
const RELEASE: Duration = Duration::from_secs(5);

/// How long nothing of a job type is claimed after an attempt of it for which the machine had no room. It is given back, and
/// would be claimed again at once.
const NO_ROOM_PAUSE: Duration = Duration::from_secs(1);

/// How a dispatcher works.
#[derive(Clone, Debug)]
pub struct DispatcherOptions {
    /// Name of this process, unique for each start.
    pub worker: WorkerId,
    /// Attempts that run at once.
    pub slots: u32,
    /// How long a claimed task stays with a worker that no longer renews.
    pub lease: Duration,
}

/// Runs what is due, as far as there are free slots.
pub struct Dispatcher {
    parts: ServiceParts,
    publisher: Publisher,
    options: DispatcherOptions,
    attempts: TaskTracker,
    rotation: AtomicUsize,
    draining: AtomicBool,
    /// Held from before a claim until what it took has been started.
    claiming: Mutex<()>,
    /// Job types of which nothing is claimed before then.
    resting: std::sync::Mutex<BTreeMap<JobTypeName, Timestamp>>,
}

impl Dispatcher {
    /// A dispatcher that has claimed nothing yet.
    pub fn new(parts: ServiceParts, options: DispatcherOptions) -> Arc<Self> {
        let publisher = Publisher::new(Arc::clone(&parts.store), Arc::clone(&parts.files));
        Arc::new(Self {
            parts,
            publisher,
            options,
            attempts: TaskTracker::new(),
            rotation: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            claiming: Mutex::new(()),
            resting: std::sync::Mutex::default(),
        })
    }

    /// Claims as many due tasks as there are free slots, starts them, and says how many.
    pub async fn tick(self: &Arc<Self>, now: Timestamp) -> Result<u32, StoreError> {
        let _claiming = self.claiming.lock().await;
        let free = self.options.slots.saturating_sub(self.parts.running.len() as u32);
        if free == 0 || self.draining.load(Ordering::Acquire) {
            return Ok(0);
        }
        let catalog = self.parts.catalog.current();
        if catalog.jobs.is_empty() {
            return Ok(0);
        }
        let job_types = self.job_types_in_turn(&catalog, now);
        if job_types.is_empty() {
            return Ok(0);
        }
        let request = ClaimRequest {
            worker: self.options.worker.clone(),
            now,
            lease_until: now.after(self.options.lease),
            limit: free,
            kept: KeptSlots {
                slots: kept_slots(self.options.slots, job_types.len()),
                running: self.parts.running.job_types(),
            },
            job_types,
        };
        let claimed = self.parts.store.claim(request).await?;
        let started = claimed.len() as u32;
        for task in claimed {
            // The claim named job types of this very catalog, so each is in it.
            if let Some(job) = catalog.job(task.job_type.as_str()) {
                self.start(task, Arc::clone(job), now);
            }
        }
        Ok(started)
    }

    /// How long after `now` the first task may start that at `now` only its rate limit held back; none when there is no
    /// such task.
    pub async fn until_next_start(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let catalog = self.parts.catalog.current();
        let limited = catalog.jobs.values().filter(|job| job.policy.rate.is_some());
        let job_types: Vec<JobTypeClaim> = limited.map(|job| claim_of(job)).collect();
        if job_types.is_empty() || self.draining.load(Ordering::Acquire) {
            return Ok(None);
        }
        let next = self.parts.store.next_start(job_types, now).await?;
        // One that might start at once waits for something else, such as a free slot, which is told when it comes.
        Ok(next.filter(|next| *next > now).map(|next| next.since(now)))
    }

    /// Extends the leases of all that runs here, and hears what became of them meanwhile.
    pub async fn heartbeat(&self, now: Timestamp) -> Result<(), StoreError> {
        let running = self.parts.running.snapshot();
        if running.is_empty() {
            return Ok(());
        }
        let renewals = running
            .iter()
            .map(|attempt| Renewal { attempt: attempt.attempt, progress: Some(attempt.progress.latest()) })
            .collect();
        let answers = self.parts.store.renew(renewals, now, now.after(self.options.lease)).await?;
        for (attempt, answer) in running.iter().zip(answers) {
            match answer {
                RenewalAnswer::Held { cancel_requested: false } => {}
                RenewalAnswer::Held { cancel_requested: true } => attempt.stop.stop(StopReason::Cancelled),
                // Its end was recorded while the renewal was under way, or is about to be, which then says whether it counts.
                RenewalAnswer::Lost if attempt.is_ending() => {}
                RenewalAnswer::Lost => lost(attempt),
            }
        }
        Ok(())
    }

    /// Stops what runs here and outlived its deadline, or was cancelled through another process.
    pub async fn stop_unwanted(&self, now: Timestamp) -> Result<(), StoreError> {
        let running = self.parts.running.snapshot();
        if running.is_empty() {
            return Ok(());
        }
        for attempt in &running {
            if attempt.deadline_at.is_some_and(|deadline| deadline <= now) {
                attempt.stop.stop(StopReason::DeadlineExceeded);
            }
        }
        for task in self.parts.store.cancel_requests(&self.options.worker).await? {
            self.parts.running.stop(task, StopReason::Cancelled);
        }
        Ok(())
    }

    /// Claims nothing more and ends what runs: tells it to stop, waits for `grace`, then gives back what still runs.
    /// Nothing is lost: another process resumes it from its last checkpoint.
    pub async fn drain(&self, now: Timestamp, grace: Duration) {
        self.draining.store(true, Ordering::Release);
        // A claim under way is waited for: what it takes has to be given back too.
        drop(self.claiming.lock().await);
        self.attempts.close();
        if !grace.is_zero() {
            self.parts.running.stop_all(StopReason::Drain);
            let _ = tokio::time::timeout(grace, self.attempts.wait()).await;
        }
        // A database that cannot be written must not keep the process from ending.
        if tokio::time::timeout(RELEASE, self.release_all(now)).await.is_err() {
            tracing::warn!("not all that ran here was given back; the leases will expire");
        }
    }

    async fn release_all(&self, now: Timestamp) {
        for running in self.parts.running.snapshot() {
            running.give_back();
            // Fenced first, so that the attempt itself has no say any more.
            running.stop.stop(StopReason::Fenced);
            let finish = release(running.attempt, now);
            let end = AttemptEnd::here(&finish, &running);
            match self.parts.store.finish(finish).await {
                Ok(FinishAnswer::Recorded(state)) => end.log(state),
                // It has ended meanwhile, and whoever recorded that has logged it.
                Ok(FinishAnswer::Fenced) => {}
                Err(error) => {
                    tracing::warn!(job_id = %running.attempt.task, %error, "not released; its lease will expire");
                }
            }
        }
    }

    /// Resolves when no attempt runs.
    pub async fn idle(&self) {
        while !self.parts.running.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Job types begin in turn, so that none is always served last.
    fn job_types_in_turn(&self, catalog: &Catalog, now: Timestamp) -> Vec<JobTypeClaim> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back does not make it any longer; `now` may be a moment old.
        resting.retain(|_, until| *until > now && *until <= now.after(2 * NO_ROOM_PAUSE));
        let awake = catalog.jobs.values().filter(|job| !resting.contains_key(&job.job_type.name));
        let mut claims: Vec<JobTypeClaim> = awake.map(|job| claim_of(job)).collect();
        drop(resting);
        let first = self.rotation.fetch_add(1, Ordering::Relaxed) % claims.len().max(1);
        claims.rotate_left(first);
        claims
    }

    fn start(self: &Arc<Self>, claimed: Claimed, job: Arc<LoadedJob>, now: Timestamp) {
        let saved =
            claimed.checkpoint.as_ref().map(|checkpoint| checkpoint.progress.clone()).unwrap_or_default();
        let progress = Arc::new(LiveProgress::starting_at(saved));
        let running = RunningAttempt::new(&claimed, progress, now);
        self.parts.running.insert(running.clone());
        self.parts.hub.changed(claimed.attempt.task);
        let dispatcher = Arc::clone(self);
        self.attempts.spawn(async move {
            dispatcher.run(claimed, job, &running).await;
            dispatcher.parts.running.remove(running.attempt);
            dispatcher.parts.hub.changed(running.attempt.task);
            dispatcher.parts.hub.work_added();
        });
    }

    async fn run(&self, claimed: Claimed, job: Arc<LoadedJob>, running: &RunningAttempt) {
        let request = RunRequest {
            claimed: claimed.clone(),
            job: Arc::clone(&job),
            progress: Arc::clone(&running.progress),
            stop: Arc::clone(&running.stop),
        };
        let report = if claimed.checkpoint.as_ref().is_none_or(|checkpoint| checkpoint.is_sound) {
            // A panic in the host must end the attempt, not leave it running for ever under a lease that is renewed.
            AssertUnwindSafe(job.program.run(request))
                .catch_unwind()
                .await
                .unwrap_or_else(|_panic| host_panicked(running.progress.latest()))
        } else {
            never_ran(running.progress.latest(), checkpoint_corrupt())
        };
        running.begin_to_end();
        let now = self.parts.clock.now();
        if matches!(report.outcome, RunOutcome::NoRoom) {
            let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
            resting.insert(job.job_type.name.clone(), now.after(NO_ROOM_PAUSE));
        }
        let Some(finish) = settle_report(report, &claimed, &job.policy, now, fastrand::f64()) else {
            let (job_id, attempt) = (claimed.attempt.task, claimed.attempt.number);
            if running.is_given_back() {
                tracing::debug!(%job_id, attempt, "ended after it was given back");
            } else {
                ended_without_lease(running);
            }
            return;
        };
        let ended = Ended::from(&finish);
        let end = AttemptEnd::here(&finish, running);
        if self.record(finish, running, &end).await
            && let Err(error) =
                note_end(self.parts.store.as_ref(), &job.job_type.name, &job.policy, &ended).await
        {
            tracing::warn!(job_type = %job.job_type.name, %error, "the end of an attempt was not counted for the circuit breaker and the alert of its job type");
        }
    }

    /// Records the end of an attempt, logs it, and says whether it counts.
    async fn record(&self, finish: Finish, running: &RunningAttempt, end: &AttemptEnd) -> bool {
        let task = finish.attempt.task;
        let has_mail = !finish.messages.is_empty();
        let unpublished = Unpublished {
            task,
            attempt: finish.attempt.number,
            artifacts: finish
                .artifacts
                .iter()
                .map(|artifact| longshore_domain::ArtifactRecord {
                    artifact: artifact.clone(),
                    attempt: finish.attempt.number,
                })
                .collect(),
        };
        match self.finish_patiently(finish, running).await {
            Ok(FinishAnswer::Recorded(state)) => {
                end.log(state);
                if state == TaskState::Completed
                    && !unpublished.artifacts.is_empty()
                    && let Err(error) = self.publisher.publish(unpublished).await
                {
                    tracing::error!(job_id = %task, %error, "the artifacts could not be published; the sweeper will try");
                }
                if has_mail {
                    self.parts.hub.mail_added();
                }
                return true;
            }
            Ok(FinishAnswer::Fenced) => {
                lost(running);
                ended_without_lease(running);
            }
            Err(error) => {
                tracing::error!(job_id = %task, %error, "the end of an attempt was not recorded; it will be run again");
            }
        }
        false
    }

    /// Records the end of an attempt, however long the database cannot be written: the work is done, and only this is left
    /// of it to lose. It ends when somebody else has the task, or when this process ends.
    async fn finish_patiently(
        &self,
        finish: Finish,
        running: &RunningAttempt,
    ) -> Result<FinishAnswer, StoreError> {
        let mut wait = FINISH_WAIT_MIN;
        loop {
            match self.parts.store.finish(finish.clone()).await {
                Err(error) if error.may_pass() && !self.is_over_for(running) => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(FINISH_WAIT_MAX);
                }
                answer => return answer,
            }
        }
    }

    /// Whether nobody waits for what this attempt came to.
    fn is_over_for(&self, running: &RunningAttempt) -> bool {
        self.draining.load(Ordering::Acquire) || running.stop.reason() == Some(StopReason::Fenced)
    }
}

/// Slots that slow jobs leave to job types of which nothing runs here: one for each other type, and an eighth of all at
/// most, so that a type that is alone loses little. Of four to seven slots one is kept, and of fewer none.
fn kept_slots(slots: u32, job_types: usize) -> u32 {
    let others = u32::try_from(job_types.saturating_sub(1)).unwrap_or(u32::MAX);
    others.min((slots / 8).max(u32::from(slots >= 4)))
}

/// Asks for work of a job type, under its policy.
fn claim_of(job: &LoadedJob) -> JobTypeClaim {
    JobTypeClaim {
        name: job.job_type.name.clone(),
        component: job.component.clone(),
        concurrency: job.policy.concurrency,
        rate: job.policy.rate,
        has_breaker: job.policy.breaker.is_some(),
    }
}

fn lost(attempt: &RunningAttempt) {
    tracing::warn!(
        job_id = %attempt.attempt.task,
        attempt = attempt.attempt.number,
        "lost its lease; another worker has the task"
    );
    attempt.stop.stop(StopReason::Fenced);
}

fn ended_without_lease(attempt: &RunningAttempt) {
    let AttemptRef { task, number } = attempt.attempt;
    tracing::warn!(job_id = %task, attempt = number, "ended without its lease");
}

fn host_panicked(progress: Progress) -> RunReport {
    let failure =
        Failure::new(Code::HostError, "the host failed while it ran the job; its log has the reason");
    never_ran(progress, failure)
}

fn checkpoint_corrupt() -> Failure {
    Failure::new(
        Code::CheckpointCorrupt,
        "the state that the job saved was changed since (its SHA-256 is another): nothing can go on from it; submit the \
         job again, and look into the database and its disk (`longshore doctor --deep`)",
    )
}

/// The end of an attempt of which the program has nothing to tell.
fn never_ran(progress: Progress, failure: Failure) -> RunReport {
    RunReport {
        outcome: RunOutcome::Failed(failure),
        usage: Usage::default(),
        progress,
        artifacts: Vec::new(),
        messages: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_slots_are_kept_and_none_of_few_or_for_nobody() {
        let kept = |slots| [1, 2, 3, 20].map(|job_types| kept_slots(slots, job_types));
        assert_eq!((kept(1), kept(3)), ([0; 4], [0; 4]));
        assert_eq!(kept(4), [0, 1, 1, 1]);
        assert_eq!(kept(16), [0, 1, 2, 2]);
        assert_eq!(kept(50), [0, 1, 2, 6]);
        assert_eq!(kept(256), [0, 1, 2, 19]);
        assert_eq!(kept_slots(50, 0), 0);
    }
}
