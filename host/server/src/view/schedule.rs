//! What people and programs are shown of a schedule.

use longshore_domain::{Fired, LastTime, Origin, Overlap, Refusal};
use longshore_scheduler::ScheduleStatus;
use serde::Serialize;
use serde_json::Value;

use super::rfc3339;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// What kind of work comes again.
    pub job_type: String,
    /// The input of each job; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// When, as cron.
    pub cron: String,
    /// In which time zone.
    pub time_zone: String,
    /// What happens while the last job has not ended: `skip` or `queue`.
    pub overlap: Overlap,
    /// Of its jobs.
    pub priority: i32,
    /// Who made it: `config` or `agent`.
    pub origin: Origin,
    /// When it was made, as RFC 3339 in UTC.
    pub created_at: String,
    /// When it is due next.
    pub next_at: String,
    /// The last time that it was due; null before the first.
    pub last: Option<LastView>,
    /// The last job that it submitted, which may be forgotten.
    pub last_job_id: Option<String>,
    /// Why nobody sees to it although it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<String>,
}

/// The last time that a schedule was due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastView {
    /// When somebody saw to it.
    pub at: String,
    /// What came of it: `started`, `skipped` because its last job had not ended, or `refused`.
    pub outcome: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}

impl From<&ScheduleStatus> for ScheduleView {
    fn from(status: &ScheduleStatus) -> Self {
        let schedule = &status.schedule;
        let asked = &schedule.asked;
        Self {
            name: asked.name.clone(),
            job_type: asked.job_type.to_string(),
            payload: Some(&*asked.payload).filter(|payload| !payload.is_empty()).map(parse_payload),
            cron: asked.cron.clone(),
            time_zone: asked.time_zone.clone(),
            overlap: asked.overlap,
            priority: asked.priority,
            origin: asked.origin,
            created_at: rfc3339(asked.created_at),
            next_at: rfc3339(asked.next_at),
            last: schedule.last.as_ref().map(LastView::from),
            last_job_id: schedule.last_task.map(|task| task.to_string()),
            waiting_reason: status.waiting.clone(),
        }
    }
}

/// A payload was JSON when it was taken; should the file have been changed since, its text is shown.
fn parse_payload(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into()))
}

impl From<&LastTime> for LastView {
    fn from(last: &LastTime) -> Self {
        let error = match &last.outcome {
            Fired::Refused(refusal) => Some(refusal.clone()),
            Fired::Started(_) | Fired::Skipped => None,
        };
        Self { at: rfc3339(last.at), outcome: last.outcome.as_str(), error }
    }
}
