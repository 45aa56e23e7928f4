//! The store itself: the ports of the domain on top of the writer thread and the readers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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
use uuid::Uuid;

use crate::connection::{ReadAccess, held_up};
use crate::readers::Readers;
use crate::verbs::{
    alert, attempts, breaker, cancel, checkpoint, claim, counts, deadline, find, finish, finished_artifacts,
    firing, get, lease, letters, list, lived, log, outbox, pause, prune, publication, rate, retry, save,
    schedule, schedules, space, submit,
};
use crate::writer::{SharedCommitter, Writer};
use crate::{StoreOptions, read_only};

/// A [`TaskStore`] in a SQLite file. Several processes may open the same file.
pub struct SqliteStore {
    // Dropped in this order: the last connection to close moves the write-ahead log into the file, and only the
    // writer's can.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the store in the file at `path`, which is created when it is not there.
    pub fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Arc<Self>, StoreError> {
        let path = path.as_ref();
        let (writer, files) =
            Writer::start(path, &options).map_err(|error| read_only::explained(path, error))?;
        let readers = Readers::start(path, &options, files, ReadAccess::Shared)?;
        Ok(Arc::new(Self { readers, writer }))
    }

    /// A store in memory, which is gone when it is dropped. It has no threads: what is asked of it is done on the thread
    /// that asks, at once. For tests that need many thousand runs. Other connections of this process see the same
    /// database as `file:NAME?mode=memory&cache=shared`; while one of them writes, the store must not be asked.
    pub fn in_memory(name: &str) -> Result<Arc<Self>, StoreError> {
        let here = SharedCommitter::in_memory(name)?;
        Ok(Arc::new(Self { readers: Readers::Here(here.clone()), writer: Writer::Here(here) }))
    }

    /// As [`open`](Self::open), but a file that cannot be written is opened to be read only: every write is refused then.
    pub fn open_if_only_to_read(
        path: impl AsRef<Path>,
        options: StoreOptions,
    ) -> Result<Arc<Self>, StoreError> {
        let path = path.as_ref();
        match Self::open(path, options) {
            Err(StoreError::ReadOnly(why)) => {
                let readers = read_only::readers(path, &options, &why)?;
                Ok(Arc::new(Self { readers, writer: Writer::None }))
            }
            opened => opened,
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl CheckpointStore for SqliteStore {
    async fn save(&self, attempt: AttemptRef, save: Save) -> Result<SaveAnswer, StoreError> {
        self.writer.write(move |c| save::save(c, attempt, &save)).await
    }

    async fn append_log(&self, task: TaskId, lines: Vec<LogLine>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.writer.note(move |c| log::append(c, task, &lines)).await
    }

    async fn sent_messages(&self, task: TaskId) -> Result<SentMessages, StoreError> {
        self.readers.read(move |c| outbox::sent(c, task)).await
    }
}

#[async_trait]
impl ScheduleStore for SqliteStore {
    async fn add_schedule(&self, schedule: NewSchedule, max: u32) -> Result<AddScheduleAnswer, StoreError> {
        self.writer.write(move |c| schedules::add(c, &schedule, max)).await
    }

    async fn schedule(&self, owner: &Owner, name: &str) -> Result<Option<Schedule>, StoreError> {
        let (owner, name) = (owner.clone(), name.to_owned());
        self.readers.read(move |c| schedules::get(c, &owner, &name)).await
    }

    async fn schedules(&self, owner: Option<&Owner>) -> Result<Vec<Schedule>, StoreError> {
        let owner = owner.cloned();
        self.readers.read(move |c| schedules::list(c, owner.as_ref())).await
    }

    async fn delete_schedule(&self, owner: &Owner, name: &str) -> Result<DeleteScheduleAnswer, StoreError> {
        let (owner, name) = (owner.clone(), name.to_owned());
        self.writer.write(move |c| schedules::delete(c, &owner, &name)).await
    }

    async fn sync_schedules(
        &self,
        owner: &Owner,
        declared: Vec<NewSchedule>,
    ) -> Result<SyncedSchedules, StoreError> {
        let owner = owner.clone();
        self.writer.write(move |c| schedules::sync(c, &owner, &declared)).await
    }

    async fn due_schedules(
        &self,
        job_types: Vec<JobTypeName>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Schedule>, StoreError> {
        self.readers.read(move |c| firing::due(c, &job_types, now, limit)).await
    }

    async fn reschedule(&self, number: u64, revision: u64, next_at: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(move |c| schedules::reschedule(c, number, revision, next_at)).await
    }

    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError> {
        self.writer.write(move |c| firing::fire(c, &fire)).await
    }
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn submit(&self, task: NewTask) -> Result<Submitted, SubmitError> {
        self.writer.write(move |c| submit::submit(c, &task)).await?.into()
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        let asked = Instant::now();
        self.writer
            .note(move |c| {
                let lease_until = request.lease_until.after(held_up(asked));
                claim::claim(c, &ClaimRequest { lease_until, ..request.clone() })
            })
            .await
    }

    async fn next_start(
        &self,
        job_types: Vec<JobTypeClaim>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(move |c| rate::next_start(c, &job_types, now)).await
    }

    async fn finish(&self, finish: Finish) -> Result<FinishAnswer, StoreError> {
        self.writer.write(move |c| finish::finish(c, &finish)).await
    }

    async fn note_outcome(
        &self,
        job_type: &JobTypeName,
        breaker: &BreakerPolicy,
        failed: bool,
        now: Timestamp,
    ) -> Result<BreakerState, StoreError> {
        let (job_type, policy) = (job_type.clone(), breaker.clone());
        self.writer.note(move |c| breaker::note(c, &job_type, &policy, failed, now)).await
    }

    async fn note_failures(
        &self,
        job_type: &JobTypeName,
        policy: &AlertPolicy,
        failed: bool,
        task: TaskId,
        now: Timestamp,
    ) -> Result<Option<FailureWindow>, StoreError> {
        let (job_type, policy) = (job_type.clone(), policy.clone());
        self.writer.note(move |c| alert::note(c, &job_type, &policy, failed, task, now)).await
    }

    async fn breaker(&self, job_type: &JobTypeName) -> Result<BreakerState, StoreError> {
        let job_type = job_type.clone();
        self.readers.read(move |c| breaker::state(c, &job_type)).await
    }

    async fn renew(
        &self,
        renewals: Vec<Renewal>,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<RenewalAnswer>, StoreError> {
        let asked = Instant::now();
        self.writer.note(move |c| lease::renew(c, &renewals, now, lease_until.after(held_up(asked)))).await
    }

    async fn cancel_requests(&self, worker: &WorkerId) -> Result<Vec<TaskId>, StoreError> {
        let worker = worker.clone();
        self.readers.read(move |c| cancel::requests(c, &worker)).await
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<LostAttempt>, StoreError> {
        self.readers.read(move |c| lease::expired(c, now, limit)).await
    }

    async fn held_by(&self, worker: &WorkerId, limit: u32) -> Result<Vec<LostAttempt>, StoreError> {
        let worker = worker.clone();
        self.readers.read(move |c| lease::held_by(c, &worker, limit)).await
    }

    async fn promote_due(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        self.writer.note(move |c| schedule::promote_due(c, now, limit)).await
    }

    async fn bring_forward(&self, now: Timestamp) -> Result<u32, StoreError> {
        self.writer.write(move |c| schedule::bring_forward(c, now)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(schedule::next_due).await
    }

    async fn fail_overdue(&self, now: Timestamp, limit: u32) -> Result<Vec<TaskId>, StoreError> {
        self.writer.write(move |c| deadline::fail_overdue(c, now, limit)).await
    }

    async fn cancel(
        &self,
        owner: Option<&Owner>,
        id: TaskId,
        now: Timestamp,
    ) -> Result<CancelAnswer, StoreError> {
        let owner = owner.cloned();
        self.writer.write(move |c| cancel::cancel(c, owner.as_ref(), id, now)).await
    }

    async fn retry(
        &self,
        owner: Option<&Owner>,
        id: TaskId,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        let owner = owner.cloned();
        self.writer.write(move |c| retry::retry(c, owner.as_ref(), id, now)).await
    }

    async fn get(&self, owner: Option<&Owner>, id: TaskId) -> Result<Option<Task>, StoreError> {
        let owner = owner.cloned();
        self.readers.read(move |c| get::get(c, owner.as_ref(), id)).await
    }

    async fn find(&self, owner: &Owner, prefix: &IdPrefix, limit: u32) -> Result<Vec<Task>, StoreError> {
        let (owner, prefix) = (owner.clone(), prefix.clone());
        self.readers.read(move |c| find::tasks(c, &owner, &prefix, limit)).await
    }

    async fn list(&self, filter: TaskFilter) -> Result<Page, StoreError> {
        self.readers.read(move |c| list::list(c, &filter)).await
    }

    async fn checkpoint(&self, id: TaskId) -> Result<Option<CheckpointSummary>, StoreError> {
        self.readers.read(move |c| checkpoint::summary(c, id)).await
    }

    async fn attempts(&self, id: TaskId) -> Result<Vec<AttemptRecord>, StoreError> {
        self.readers.read(move |c| attempts::attempts(c, id)).await
    }

    async fn log(&self, id: TaskId, from: u64, limit: u32) -> Result<Vec<LogLine>, StoreError> {
        self.readers.read(move |c| log::read(c, id, from, limit)).await
    }

    async fn artifacts(
        &self,
        owner: &Owner,
        after: Option<String>,
        limit: u32,
    ) -> Result<ArtifactPage, StoreError> {
        let owner = owner.clone();
        self.readers.read(move |c| finished_artifacts::list(c, &owner, after.as_deref(), limit)).await
    }

    async fn live_counts(&self) -> Result<LiveCounts, StoreError> {
        self.readers.read(counts::live).await
    }

    async fn pause(&self, job_type: &JobTypeName, now: Timestamp) -> Result<bool, StoreError> {
        let job_type = job_type.clone();
        self.writer.write(move |c| pause::pause(c, &job_type, now)).await
    }

    async fn resume(&self, job_type: &JobTypeName) -> Result<bool, StoreError> {
        let job_type = job_type.clone();
        self.writer.write(move |c| pause::resume(c, &job_type)).await
    }

    async fn paused(&self) -> Result<PausedTypes, StoreError> {
        self.readers.read(pause::all).await
    }

    async fn foreign_changes(&self) -> Result<u64, StoreError> {
        self.writer.data_version().await
    }

    async fn unpublished(&self, limit: u32) -> Result<Vec<Unpublished>, StoreError> {
        self.readers.read(move |c| publication::unpublished(c, limit)).await
    }

    async fn mark_published(&self, task: TaskId) -> Result<(), StoreError> {
        self.writer.note(move |c| publication::mark_published(c, task)).await
    }

    async fn lived(&self, now: Timestamp) -> Result<Lived, StoreError> {
        self.writer.note(move |c| lived::lived(c, now)).await
    }

    async fn prune(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let forgotten = self.writer.write(move |c| prune::prune(c, now, limit)).await?;
        if forgotten == 0 {
            // There is time. A disk that fails now is told of by whoever has to write.
            let _ = self.writer.note(space::give_back).await;
        }
        Ok(forgotten)
    }

    async fn pruned(&self, limit: u32) -> Result<Vec<TaskId>, StoreError> {
        self.readers.read(move |c| prune::pruned(c, limit)).await
    }

    async fn files_are_gone(&self, tasks: Vec<TaskId>) -> Result<(), StoreError> {
        self.writer.note(move |c| prune::files_are_gone(c, &tasks)).await
    }

    async fn due_channels(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        self.readers.read(move |c| outbox::due_channels(c, now)).await
    }

    async fn claim_messages(&self, claim: MessageClaim) -> Result<ClaimedMessages, StoreError> {
        let asked = Instant::now();
        self.writer
            .note(move |c| {
                let lease_until = claim.lease_until.after(held_up(asked));
                outbox::claim(c, &MessageClaim { lease_until, ..claim.clone() })
            })
            .await
    }

    async fn free_messages(&self, worker: &WorkerId, now: Timestamp) -> Result<u32, StoreError> {
        let worker = worker.clone();
        self.writer.write(move |c| outbox::free(c, &worker, now)).await
    }

    async fn message_delivered(&self, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write(move |c| outbox::delivered(c, id, now)).await
    }

    async fn message_failed(
        &self,
        id: Uuid,
        tries: u32,
        error: String,
        retry_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.writer.write(move |c| outbox::failed(c, id, tries, &error, retry_at)).await
    }

    async fn messages(&self, task: TaskId) -> Result<Vec<OutboxMessage>, StoreError> {
        self.readers.read(move |c| outbox::of_task(c, task)).await
    }

    async fn find_messages(&self, prefix: &IdPrefix, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
        let prefix = prefix.clone();
        self.readers.read(move |c| find::messages(c, &prefix, limit)).await
    }

    async fn list_messages(&self, filter: MessageFilter) -> Result<MessagePage, StoreError> {
        self.readers.read(move |c| letters::list(c, &filter)).await
    }

    async fn resend_message(&self, id: Uuid, now: Timestamp) -> Result<ResendAnswer, StoreError> {
        self.writer.write(move |c| letters::resend(c, id, now)).await
    }

    async fn resend_dead(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.write(move |c| letters::resend_dead(c, now)).await
    }
}
