//! Why a tool did not do what was asked, told to an agent so that it can do better.

use std::borrow::Cow;

use longshore_domain::{InputViolation, StoreError};
use longshore_scheduler::ServiceError;
use serde_json::{Map, Value, json};

use super::answer::Answer;

/// A tool did not do what was asked.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// Stable code.
    pub(super) code: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// Whether the same call may succeed later.
    pub(super) retryable: bool,
    /// Which fields are wrong.
    pub(super) violations: Vec<InputViolation>,
    /// What to do instead.
    pub(super) next: Cow<'static, str>,
}

impl Refusal {
    /// Arguments of one of our own tools are wrong.
    pub(super) fn arguments(violations: Vec<InputViolation>) -> Self {
        let messages: Vec<&str> = violations.iter().map(|violation| violation.message.as_str()).collect();
        Self {
            code: "invalid_arguments",
            message: messages.join("; "),
            retryable: false,
            violations,
            next: "Correct the named arguments and call again.".into(),
        }
    }

    /// The same with every field as seen from outside of `parent`.
    pub(super) fn within(mut self, parent: &str) -> Self {
        for violation in &mut self.violations {
            violation.field = format!("{parent}{}", violation.field);
        }
        self
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self {
            code: error.code(),
            message: error.told(),
            retryable: error.retryable(),
            violations: error.violations().to_vec(),
            next: next(&error),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, retryable, violations, next } = refusal;
        let mut error = json!({ "code": code, "message": message, "retryable": retryable });
        if !violations.is_empty() {
            error["violations"] = json!(violations);
        }
        error["next"] = next.into();
        let mut body = Map::new();
        body.insert("error".into(), error);
        Self { failed: true, ..Self::data(body) }
    }
}

/// What an agent does after an error.
fn next(error: &ServiceError) -> Cow<'static, str> {
    if let ServiceError::InvalidInput { job_type, .. } = error {
        let lookup = format!("list_job_types with job_type {job_type:?} shows the schema");
        return format!("Correct the named fields and call again; {lookup}.").into();
    }
    what_next(error).into()
}

fn what_next(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::UnknownJobType { problem: Some(_), .. } => {
            "Tell the user: only the operator can mend the plugin. Calling again does not help before that."
        }
        ServiceError::UnknownJobType { .. } => "Call again with one of the job types there are.",
        ServiceError::PayloadTooLarge { .. } => {
            "Send less, for example a reference to the data instead of the data."
        }
        ServiceError::InvalidArgument(_) => "Correct the arguments and call again.",
        ServiceError::IdempotencyConflict { .. } => {
            "Call check_job_status with the named job, or submit with another idempotency_key."
        }
        ServiceError::CircuitOpen { .. } => "Call again after that time; jobs that wait start by themselves.",
        ServiceError::CallbackRefused(_) => {
            "Leave callback_url out and follow the job with check_job_status; only the operator can allow the URL."
        }
        ServiceError::NotFound { .. } => {
            "Call list_jobs to find the job. Finished jobs are deleted after a time."
        }
        ServiceError::NotRetryable { .. } => "Call check_job_status for its status.",
        ServiceError::ArtifactNotFound { .. } => "Call check_job_status for the job's artifacts.",
        ServiceError::Timetable(_) => "Correct the named argument and call again.",
        ServiceError::ScheduleExists { .. } => {
            "To change it, call delete_schedule and then schedule_job again; list_schedules with that name shows what it asks \
             for. Use another name only if both are to run."
        }
        ServiceError::TooManySchedules { .. } => "Call delete_schedule for one that is no longer needed.",
        ServiceError::ScheduleNotFound { .. } => "Call list_schedules for the schedules there are.",
        ServiceError::ScheduleOfConfig { .. } => "Tell the user: only the operator can delete it.",
        ServiceError::ArtifactCorrupt { .. } => {
            "Submit a new job to have the file made again; calling again cannot repair it."
        }
        ServiceError::Store(StoreError::Busy(_)) => {
            "Call again in a moment: another program holds the task database."
        }
        ServiceError::Store(StoreError::Full(_)) => {
            "Nothing was taken. Tell the user that the host's disk is full, and call again once there is room."
        }
        ServiceError::Store(error) if error.may_pass() => {
            "Nothing was taken. Tell the user that the host's disk has a fault, and call again once it is repaired."
        }
        _ if error.retryable() => "Call again in a moment.",
        _ => "Tell the user: the operator has to look at the host. Calling again does not help before that.",
    }
}

/// Data that goes along with a protocol error, for what is no tool.
pub(super) fn error_data(error: &ServiceError) -> Value {
    json!({ "code": error.code(), "retryable": error.retryable(), "next": next(error) })
}
