//! Sees to schedules that are due: submits their jobs, or notes why not.

use std::time::Duration;

use longshore_domain::{
    CLOCK_SLACK, Fire, FireAnswer, Fired, JobTypeName, NewTask, Refusal, Schedule, StoreError, Timestamp,
    Timetable,
};

use crate::{ServiceError, ServiceParts, SubmitRequest};

/// Schedules of one job type that are read in one step, with their payloads.
const BATCH: u32 = 20;

/// When a schedule is due again whose timetable cannot be read here: another version of the host wrote it, or the system
/// no longer knows its time zone.
const UNREADABLE: Duration = Duration::from_secs(60 * 60);

/// Sees to what is due, once for all times that have passed. Any number of processes may do so at once.
pub struct Timekeeper {
    parts: ServiceParts,
}

impl Timekeeper {
    /// A timekeeper over the store of `parts`.
    pub fn new(parts: ServiceParts) -> Self {
        Self { parts }
    }

    /// Sees to schedules that are due, and says to how many. Those whose job type is not loaded wait for it.
    pub async fn tick(&self, now: Timestamp) -> Result<u32, StoreError> {
        let job_types: Vec<JobTypeName> = self.parts.catalog.current().jobs.keys().cloned().collect();
        if job_types.is_empty() {
            return Ok(0);
        }
        let mut seen_to = 0;
        for schedule in self.parts.store.due_schedules(job_types, now, BATCH).await? {
            seen_to += u32::from(self.see_to(&schedule, now).await?);
        }
        Ok(seen_to)
    }

    /// Computes anew when schedules are due whose next time a clock gave that was ahead of `now`.
    ///
    /// A clock that is set back by less than a schedule's own interval brings no time of it again.
    pub async fn bring_forward(&self, now: Timestamp) -> Result<(), StoreError> {
        for schedule in self.parts.store.schedules(None).await? {
            let asked = &schedule.asked;
            let computed_at = schedule.last.as_ref().map_or(asked.created_at, |last| last.at);
            if computed_at <= now.after(CLOCK_SLACK) {
                continue;
            }
            let next_two =
                Timetable::new(&asked.cron, &asked.time_zone, &self.parts.zones).and_then(|timetable| {
                    let next = timetable.next_after(now)?;
                    Ok((next, timetable.next_after(next)?))
                });
            // One that cannot be read is reported when it is due.
            let Ok((next_at, following)) = next_two else { continue };
            if asked.next_at.since(now) > following.since(next_at) * 2
                && self.parts.store.reschedule(schedule.number, schedule.revision, next_at).await?
            {
                tracing::warn!(
                    schedule = asked.name,
                    next_at = next_at.rfc3339(),
                    "the clock was ahead; when a schedule is due was computed anew"
                );
            }
        }
        Ok(())
    }

    /// Whether this process was the one to see to it.
    async fn see_to(&self, schedule: &Schedule, now: Timestamp) -> Result<bool, StoreError> {
        let asked = &schedule.asked;
        let next = Timetable::new(&asked.cron, &asked.time_zone, &self.parts.zones)
            .and_then(|timetable| timetable.next_after(now));
        let (next_at, task) = match next {
            Ok(next_at) => match self.task(schedule, now).await {
                // Its plugin went away just now.
                Err(ServiceError::UnknownJobType { .. }) => return Ok(false),
                Err(ServiceError::Store(error)) => return Err(error),
                task => (next_at, task.map_err(|error| refusal(error.code(), &error))),
            },
            Err(error) => (now.after(UNREADABLE), Err(refusal(error.code(), &error))),
        };
        let fire = Fire { number: schedule.number, revision: schedule.revision, at: now, next_at, task };
        let FireAnswer::Noted(fired) = self.parts.store.fire(fire).await? else { return Ok(false) };
        let late_ms = now.since(asked.next_at).as_millis() as u64;
        match &fired {
            Fired::Started(task) => {
                tracing::info!(schedule = asked.name, job_id = %task, late_ms, "a schedule submitted its job");
                self.parts.hub.work_added();
            }
            Fired::Skipped => {
                tracing::info!(schedule = asked.name, "a schedule was skipped: its last job has not ended");
            }
            Fired::Refused(Refusal { code, message }) => {
                tracing::warn!(schedule = asked.name, code, message, "the job of a schedule was refused");
            }
        }
        Ok(true)
    }

    /// The task that it asks for, checked anew: the job type may have changed since it was made.
    async fn task(&self, schedule: &Schedule, now: Timestamp) -> Result<NewTask, ServiceError> {
        let asked = &schedule.asked;
        let payload = serde_json::from_str(&asked.payload)
            .map_err(|error| ServiceError::InvalidArgument(format!("its payload is not JSON: {error}")))?;
        let request = SubmitRequest {
            job_type: asked.job_type.to_string(),
            payload,
            priority: asked.priority,
            ..SubmitRequest::default()
        };
        self.parts.admit(&asked.owner, request, now).await
    }
}

fn refusal(code: &str, error: &impl ToString) -> Refusal {
    Refusal { code: code.into(), message: error.to_string() }
}
