//! Why a tool did not do what was asked, told to an agent so that it can do better.

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
    pub(super) next: &'static str,
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
            next: "Correct the named arguments and call again.",
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
fn next(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::UnknownJobType { .. } => "Call list_job_types for the job types there are.",
        ServiceError::InvalidInput { .. } => {
            "Correct the named fields and call again; list_job_types shows the schema."
        }
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
        ServiceError::ScheduleExists { .. } => "Call list_schedules with that name to see what it asks for.",
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
