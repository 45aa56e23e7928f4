//! The part of a store that keeps schedules.

use async_trait::async_trait;

use crate::{
    AddScheduleAnswer, DeleteScheduleAnswer, Fire, FireAnswer, JobTypeName, NewSchedule, Owner, Schedule,
    StoreError, SyncedSchedules, Timestamp,
};

/// Where schedules are kept. As with tasks, every write is durable when it returns, and several processes may use one
/// store at once: a time at which a schedule is due is seen to once.
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// Makes a schedule durable, unless its owner has one of that name, or `max` of them.
    async fn add_schedule(&self, schedule: NewSchedule, max: u32) -> Result<AddScheduleAnswer, StoreError>;

    /// The schedule of that name.
    async fn schedule(&self, owner: &Owner, name: &str) -> Result<Option<Schedule>, StoreError>;

    /// The schedules of an owner (of everybody when none is given), by owner and name. Payloads are left out; ask for the
    /// one of interest.
    async fn schedules(&self, owner: Option<&Owner>) -> Result<Vec<Schedule>, StoreError>;

    /// Deletes a schedule that is not of the configuration file.
    async fn delete_schedule(&self, owner: &Owner, name: &str) -> Result<DeleteScheduleAnswer, StoreError>;

    /// Makes the schedules of the configuration file those that are declared. One that goes on at the same times stays
    /// due when it was; one of an agent with a declared name becomes the file's.
    async fn sync_schedules(
        &self,
        owner: &Owner,
        declared: Vec<NewSchedule>,
    ) -> Result<SyncedSchedules, StoreError>;

    /// Schedules of these job types that are due, `limit` of each at most, those first that have been for longest.
    async fn due_schedules(
        &self,
        job_types: Vec<JobTypeName>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Schedule>, StoreError>;

    /// Makes a schedule due at another time. False if it is not as it was read.
    async fn reschedule(&self, number: u64, revision: u64, next_at: Timestamp) -> Result<bool, StoreError>;

    /// Sees to a schedule that is due: submits its task, skips it because its last task has not ended, or notes why
    /// there is none; and makes it due again at `next_at`. All of that together, and only if the schedule is as it was
    /// read.
    async fn fire(&self, fire: Fire) -> Result<FireAnswer, StoreError>;
}
