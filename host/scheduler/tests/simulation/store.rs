//! A store that stands still before and after each call, may fail, and enters in the book what it was asked.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use longshore_domain::{
    AddScheduleAnswer, AlertPolicy, ArtifactPage, AttemptRecord, AttemptRef, BreakerPolicy, BreakerState,
    CancelAnswer, CheckpointStore, CheckpointSummary, ClaimRequest, Claimed, ClaimedMessages,
    DeleteScheduleAnswer, FailureWindow, Finish, FinishAnswer, Fire, FireAnswer, IdPrefix, JobTypeClaim,
    JobTypeName, LiveCounts, Lived, LogLine, LostAttempt, MessageClaim, MessageFilter, MessagePage,
    NewSchedule, NewTask, OutboxMessage, Owner, Page, PausedTypes, Renewal, RenewalAnswer, ResendAnswer,
    RetryAnswer, Save, SaveAnswer, Schedule, ScheduleStore, SentMessages, StoreError, SubmitError, Submitted,
    SyncedSchedules, Task, TaskFilter, TaskId, TaskStore, Timestamp, Unpublished, WorkerId,
};
use longshore_store::SqliteStore;
use uuid::Uuid;

use crate::book::{Call, SharedBook, Taken};
use crate::gates::{Fault, Gates, Go};

pub(crate) struct GatedStore {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) book: SharedBook,
}

fn broken() -> StoreError {
    StoreError::Broken("the simulation says so".into())
}

impl GatedStore {
    /// A call that may write. Time may pass before it, and its caller may never hear the answer.
    async fn write<T: Send>(
        &self,
        what: String,
        call: impl Future<Output = Result<T, StoreError>> + Send,
        tell: impl FnOnce(&T) -> Call + Send,
    ) -> Result<T, StoreError> {
        if self.gates.pass(what.clone(), Fault::Possible).await == Go::Fail {
            return Err(broken());
        }
        let answer = call.await.inspect_err(|error| self.wrong(&what, error))?;
        self.book.with(|book| book.calls.push(tell(&answer)));
        self.gates.pass(format!("{what}: done"), Fault::Excluded).await;
        Ok(answer)
    }

    /// A call that reads. What it read may be out of date before its caller acts on it.
    async fn read<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let answer = call.await.inspect_err(|error| self.wrong(what, error))?;
        match self.gates.pass(format!("{what}: read"), Fault::Possible).await {
            Go::On(_) => Ok(answer),
            Go::Fail => Err(broken()),
        }
    }

    /// The store itself must never fail here: nobody else holds its file, and it never contradicts itself.
    fn wrong(&self, what: &str, error: &StoreError) {
        self.book.with(|book| book.wrong.push(format!("{what}: {error}")));
    }
}

#[async_trait]
impl CheckpointStore for GatedStore {
    async fn save(&self, attempt: AttemptRef, save: Save) -> Result<SaveAnswer, StoreError> {
        let what = format!("save {}", self.book.attempt(attempt));
        self.write(what, self.store.save(attempt, save.clone()), |answer| Call::Save(attempt, save, *answer))
            .await
    }

    async fn append_log(&self, task: TaskId, lines: Vec<LogLine>) -> Result<(), StoreError> {
        self.store.append_log(task, lines).await
    }

    async fn sent_messages(&self, task: TaskId) -> Result<SentMessages, StoreError> {
        self.store.sent_messages(task).await
    }
}

#[async_trait]
impl ScheduleStore for GatedStore {
    async fn add_schedule(&self, schedule: NewSchedule, max: u32) -> Result<AddScheduleAnswer, StoreError> {
        self.store.add_schedule(schedule, max).await
    }

    async fn schedule(&self, owner: &Owner, name: &str) -> Result<Option<Schedule>, StoreError> {
        self.store.schedule(owner, name).await
    }

    async fn schedules(&self, owner: Option<&Owner>) -> Result<Vec<Schedule>, StoreError> {
        self.store.schedules(owner).await
    }

    async fn delete_schedule(&self, owner: &Owner, name: &str) -> Result<DeleteScheduleAnswer, StoreError> {
        self.store.delete_schedule(owner, name).await
    }

    async fn sync_schedules(
        &self,
        owner: &Owner,
        declared: Vec<NewSchedule>,
    ) -> Result<SyncedSchedules, StoreError> {
        self.store.sync_schedules(owner, declared).await
    }

    async fn due_schedules(
        &self,
        job_types: Vec<JobTypeName>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Schedule>, StoreError> {
        self.read("due schedules", self.store.due_schedules(job_types, now, limit)).await
    }

    async fn reschedule(&self, number: u64, revision: u64, next_at: Timestamp) -> Result<bool, StoreError> {
        self.store.reschedule(number, revision, next_at).await
    }

    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError> {
        let what = format!("fire schedule {} as of {}", fire.number, fire.revision);
        self.write(what, self.store.fire(fire.clone()), |answer| Call::Fire(fire, answer.clone())).await
    }
}

#[async_trait]
impl TaskStore for GatedStore {
    async fn submit(&self, task: NewTask) -> Result<Submitted, SubmitError> {
        let what = format!("submit {}", self.book.name(task.id));
        // A conflict is an answer too, and must find its way through what knows failures of the store only.
        let call = async {
            match self.store.submit(task.clone()).await {
                Ok(submitted) => Ok(Ok(submitted)),
                Err(SubmitError::Store(error)) => Err(error),
                Err(conflict) => Ok(Err(conflict)),
            }
        };
        let told = task.clone();
        self.write(what, call, |answer| {
            let taken = match answer {
                Ok(submitted) if submitted.deduplicated => Taken::Same(submitted.task.id),
                Err(SubmitError::IdempotencyConflict { existing }) => Taken::Conflict(*existing),
                _ => Taken::New,
            };
            Call::Submit(told, taken)
        })
        .await?
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        self.write("claim".into(), self.store.claim(request.clone()), |claimed| {
            Call::Claim(request, claimed.clone())
        })
        .await
    }

    async fn next_start(
        &self,
        job_types: Vec<JobTypeClaim>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_start(job_types, now).await
    }

    async fn pause(&self, job_type: &JobTypeName, now: Timestamp) -> Result<bool, StoreError> {
        let call = Call::Pause(job_type.clone());
        self.write(format!("pause {job_type}"), self.store.pause(job_type, now), |_| call).await
    }

    async fn resume(&self, job_type: &JobTypeName) -> Result<bool, StoreError> {
        let call = Call::Resume(job_type.clone());
        self.write(format!("resume {job_type}"), self.store.resume(job_type), |_| call).await
    }

    async fn paused(&self) -> Result<PausedTypes, StoreError> {
        self.store.paused().await
    }

    async fn note_outcome(
        &self,
        job_type: &JobTypeName,
        breaker: &BreakerPolicy,
        failed: bool,
        now: Timestamp,
    ) -> Result<BreakerState, StoreError> {
        self.store.note_outcome(job_type, breaker, failed, now).await
    }

    async fn note_failures(
        &self,
        job_type: &JobTypeName,
        alert: &AlertPolicy,
        failed: bool,
        task: TaskId,
        now: Timestamp,
    ) -> Result<Option<FailureWindow>, StoreError> {
        self.store.note_failures(job_type, alert, failed, task, now).await
    }

    async fn breaker(&self, job_type: &JobTypeName) -> Result<BreakerState, StoreError> {
        self.store.breaker(job_type).await
    }

    async fn finish(&self, finish: Finish) -> Result<FinishAnswer, StoreError> {
        let what = format!("finish {} {:?}", self.book.attempt(finish.attempt), finish.next);
        self.write(what, self.store.finish(finish.clone()), |answer| Call::Finish(finish, *answer)).await
    }

    async fn renew(
        &self,
        renewals: Vec<Renewal>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<RenewalAnswer>, StoreError> {
        let attempts: Vec<AttemptRef> = renewals.iter().map(|renewal| renewal.attempt).collect();
        self.write("renew".into(), self.store.renew(renewals, now, lease_until), |answers| {
            Call::Renew(lease_until, attempts.into_iter().zip(answers.iter().copied()).collect())
        })
        .await
    }

    async fn cancel_requests(&self, worker: &WorkerId) -> Result<Vec<TaskId>, StoreError> {
        self.read("cancel_requests", self.store.cancel_requests(worker)).await
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<LostAttempt>, StoreError> {
        self.read("expired", self.store.expired(now, limit)).await
    }

    async fn held_by(&self, worker: &WorkerId, limit: u32) -> Result<Vec<LostAttempt>, StoreError> {
        self.read("held by", self.store.held_by(worker, limit)).await
    }

    async fn promote_due(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.write("promote_due".into(), self.store.promote_due(now, limit), |count| {
            Call::Promote(now, *count)
        })
        .await
    }

    async fn bring_forward(&self, now: Timestamp) -> Result<u32, StoreError> {
        self.store.bring_forward(now).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read("next_due", self.store.next_due()).await
    }

    async fn fail_overdue(&self, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, StoreError> {
        self.write("fail_overdue".into(), self.store.fail_overdue(now, limit), |failed| {
            Call::FailOverdue(now, failed.clone())
        })
        .await
    }

    async fn cancel(
        &self,
        owner: Option<&Owner>,
        id: TaskId,
        now: Timestamp,
    ) -> Result<CancelAnswer, StoreError> {
        let what = format!("cancel {}", self.book.name(id));
        self.write(what, self.store.cancel(owner, id, now), |answer| Call::Cancel(id, *answer)).await
    }

    async fn retry(
        &self,
        owner: Option<&Owner>,
        id: TaskId,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        let what = format!("retry {}", self.book.name(id));
        self.write(what, self.store.retry(owner, id, now), |answer| Call::Retry(id, *answer)).await
    }

    async fn get(&self, owner: Option<&Owner>, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read("get", self.store.get(owner, id)).await
    }

    async fn list(&self, filter: TaskFilter) -> Result<Page, StoreError> {
        self.store.list(filter).await
    }

    async fn checkpoint(&self, id: TaskId) -> Result<Option<CheckpointSummary>, StoreError> {
        self.store.checkpoint(id).await
    }

    async fn attempts(&self, id: TaskId) -> Result<Vec<AttemptRecord>, StoreError> {
        self.store.attempts(id).await
    }

    async fn log(&self, id: TaskId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError> {
        self.store.log(id, from, limit).await
    }

    async fn artifacts(
        &self,
        owner: &Owner,
        after: Option<String>,
        limit: u32,
    ) -> Result<ArtifactPage, StoreError> {
        self.store.artifacts(owner, after, limit).await
    }

    async fn live_counts(&self) -> Result<LiveCounts, StoreError> {
        self.store.live_counts().await
    }

    async fn foreign_changes(&self) -> Result<u64, StoreError> {
        self.store.foreign_changes().await
    }

    async fn unpublished(&self, limit: u32) -> Result<Vec<Unpublished>, StoreError> {
        self.read("unpublished", self.store.unpublished(limit)).await
    }

    async fn mark_published(&self, task: TaskId) -> Result<(), StoreError> {
        let what = format!("mark_published {}", self.book.name(task));
        self.write(what, self.store.mark_published(task), |()| Call::MarkPublished(task)).await
    }

    async fn lived(&self, now: Timestamp) -> Result<Lived, StoreError> {
        self.store.lived(now).await
    }

    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.store.prune(now, limit).await
    }

    async fn pruned(&self, limit: u32) -> Result<Vec<TaskId>, StoreError> {
        self.store.pruned(limit).await
    }

    async fn files_are_gone(&self, tasks: Vec<TaskId>) -> Result<(), StoreError> {
        self.store.files_are_gone(tasks).await
    }

    async fn due_channels(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.read("due_channels", self.store.due_channels(now)).await
    }

    async fn claim_messages(&self, claim: MessageClaim) -> Result<ClaimedMessages, StoreError> {
        let now = claim.now;
        let tell = |claimed: &ClaimedMessages| Call::ClaimMessages(now, claimed.messages.clone());
        let claimed = self.write("claim_messages".into(), self.store.claim_messages(claim), tell).await?;
        self.gates.deliveries_begin(claimed.messages.len());
        Ok(claimed)
    }

    async fn free_messages(&self, worker: &WorkerId, now: Timestamp) -> Result<u32, StoreError> {
        let what = format!("free messages of {worker}");
        self.write(what, self.store.free_messages(worker, now), |_| Call::FreeMessages(worker.clone(), now))
            .await
    }

    async fn message_delivered(&self, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let call = self.store.message_delivered(id, now);
        self.gates.delivery_began();
        let answer = self.write("message_delivered".into(), call, |()| Call::MessageDelivered(id)).await;
        self.gates.delivery_ended();
        answer
    }

    async fn message_failed(
        &self,
        id: Uuid,
        tries: u32,
        error: String,
        retry_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let call = self.store.message_failed(id, tries, error, retry_at);
        self.gates.delivery_began();
        let answer = self.write("message_failed".into(), call, |()| Call::MessageFailed(id)).await;
        self.gates.delivery_ended();
        answer
    }

    async fn messages(&self, task: TaskId) -> Result<Vec<OutboxMessage>, StoreError> {
        self.store.messages(task).await
    }

    async fn find(&self, owner: &Owner, prefix: &IdPrefix, limit: u32) -> Result<Vec<Task>, StoreError> {
        self.store.find(owner, prefix, limit).await
    }

    async fn find_messages(&self, prefix: &IdPrefix, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
        self.store.find_messages(prefix, limit).await
    }

    async fn list_messages(&self, filter: MessageFilter) -> Result<MessagePage, StoreError> {
        self.store.list_messages(filter).await
    }

    async fn resend_message(&self, id: Uuid, now: Timestamp) -> Result<ResendAnswer, StoreError> {
        self.store.resend_message(id, now).await
    }

    async fn resend_dead(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.resend_dead(now).await
    }
}
