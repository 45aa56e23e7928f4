//! What a front asks of schedules: keep one, list them, delete one, and follow the configuration file.

use longshore_domain::{
    AddScheduleAnswer, DeleteScheduleAnswer, JobTypeName, NewSchedule, Origin, Overlap, Owner, Schedule,
    SyncedSchedules, Timestamp, Timetable, check_schedule_name,
};
use serde_json::Value;

use crate::admission::check_priority;
use crate::status::missing_plugin;
use crate::{ServiceError, SubmitRequest, TaskService};

/// Schedules that an owner may have. Each of them that is due costs a transaction.
const SCHEDULES_MAX: u32 = 1_000;

/// Asks for a job that comes again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScheduleRequest {
    /// Names it among those of its owner.
    pub name: String,
    /// Name of the job type.
    pub job_type: String,
    /// The input of each job.
    pub payload: Value,
    /// When, as cron.
    pub cron: String,
    /// In which time zone.
    pub time_zone: String,
    /// What happens while the last job has not ended.
    pub overlap: Overlap,
    /// Higher runs first, from -100 to 100.
    pub priority: i32,
}

/// A schedule, with what only the running host knows of it.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// The schedule.
    pub schedule: Schedule,
    /// Why nobody sees to it although it is due.
    pub waiting: Option<String>,
}

/// A schedule that is durable now.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// The schedule.
    pub status: ScheduleStatus,
    /// Whether it was there before, and asks for the same.
    pub existed: bool,
}

impl TaskService {
    /// Checks a request and makes it a durable schedule. Asking for the same again gives the same.
    pub async fn schedule_job(
        &self,
        owner: &Owner,
        request: ScheduleRequest,
    ) -> Result<Scheduled, ServiceError> {
        self.until_loaded(&request.job_type).await;
        let now = self.parts.clock.now();
        let task = SubmitRequest {
            job_type: request.job_type.clone(),
            payload: request.payload.clone(),
            priority: request.priority,
            ..SubmitRequest::default()
        };
        let checked = self.parts.check(owner, task, now).await?;
        let new = self.new_schedule(owner, Origin::Agent, request, now)?;
        let new = NewSchedule { payload: checked.payload, ..new };
        match self.parts.store.add_schedule(new.clone(), SCHEDULES_MAX).await? {
            AddScheduleAnswer::Added(schedule) => {
                Ok(Scheduled { status: self.describe_schedule(schedule), existed: false })
            }
            AddScheduleAnswer::Exists(schedule) if schedule.asked.asks_the_same(&new) => {
                Ok(Scheduled { status: self.describe_schedule(schedule), existed: true })
            }
            AddScheduleAnswer::Exists(schedule) => {
                Err(ServiceError::ScheduleExists { name: new.name, origin: schedule.asked.origin })
            }
            AddScheduleAnswer::TooMany => Err(ServiceError::TooManySchedules { max: SCHEDULES_MAX }),
        }
    }

    /// The schedule of that name.
    pub async fn schedule(&self, owner: &Owner, name: &str) -> Result<ScheduleStatus, ServiceError> {
        let schedule = self.parts.store.schedule(owner, name).await?;
        schedule.map(|schedule| self.describe_schedule(schedule)).ok_or_else(|| not_found(name))
    }

    /// The schedules of an owner, by name, without their payloads.
    pub async fn list_schedules(&self, owner: &Owner) -> Result<Vec<ScheduleStatus>, ServiceError> {
        let schedules = self.parts.store.schedules(Some(owner)).await?;
        Ok(schedules.into_iter().map(|schedule| self.describe_schedule(schedule)).collect())
    }

    /// Deletes a schedule. Its jobs go on.
    pub async fn delete_schedule(&self, owner: &Owner, name: &str) -> Result<(), ServiceError> {
        match self.parts.store.delete_schedule(owner, name).await? {
            DeleteScheduleAnswer::Deleted => Ok(()),
            DeleteScheduleAnswer::OfConfig => Err(ServiceError::ScheduleOfConfig { name: name.into() }),
            DeleteScheduleAnswer::NotFound => Err(not_found(name)),
        }
    }

    /// Makes the schedules of the configuration file those that are declared there. Their payloads are checked when they
    /// are due: plugins may not be loaded yet.
    pub async fn follow_config(
        &self,
        owner: &Owner,
        declared: Vec<ScheduleRequest>,
    ) -> Result<SyncedSchedules, ServiceError> {
        let now = self.parts.clock.now();
        let declared = declared
            .into_iter()
            .map(|request| self.new_schedule(owner, Origin::Config, request, now))
            .collect::<Result<_, _>>()?;
        Ok(self.parts.store.sync_schedules(owner, declared).await?)
    }

    fn new_schedule(
        &self,
        owner: &Owner,
        origin: Origin,
        request: ScheduleRequest,
        now: Timestamp,
    ) -> Result<NewSchedule, ServiceError> {
        let wrong = |why: String| ServiceError::InvalidArgument(why);
        check_schedule_name(&request.name).map_err(wrong)?;
        check_priority(request.priority)?;
        let job_type: JobTypeName = request.job_type.parse().map_err(|why| wrong(format!("{why}")))?;
        let timetable = Timetable::new(&request.cron, &request.time_zone, &self.parts.zones)?;
        Ok(NewSchedule {
            owner: owner.clone(),
            name: request.name,
            origin,
            job_type,
            payload: request.payload.to_string(),
            cron: request.cron,
            time_zone: timetable.time_zone().into(),
            overlap: request.overlap,
            priority: request.priority,
            created_at: now,
            next_at: timetable.next_after(now)?,
        })
    }

    fn describe_schedule(&self, schedule: Schedule) -> ScheduleStatus {
        let is_due = schedule.asked.next_at <= self.parts.clock.now();
        let waiting =
            is_due.then(|| missing_plugin(&self.catalog(), schedule.asked.job_type.as_str())).flatten();
        ScheduleStatus { schedule, waiting }
    }
}

fn not_found(name: &str) -> ServiceError {
    ServiceError::ScheduleNotFound { name: name.chars().take(80).collect() }
}
