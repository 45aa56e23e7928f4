//! What a component says of itself.

use serde::Serialize;
use serde_json::Value;

use crate::JobTypeName;

/// A kind of work, as its component describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobType {
    /// Its name, and the name of its tool.
    pub name: JobTypeName,
    /// Its version, for people.
    pub version: String,
    /// A short title for people.
    pub title: String,
    /// What it does, for the agent that will call it.
    pub description: String,
    /// JSON Schema (2020-12) of its input, an object.
    pub input_schema: Value,
    /// JSON Schema (2020-12) of its result.
    pub output_schema: Option<Value>,
    /// What it asks for.
    pub permissions: Vec<Permission>,
}

/// Names of the tools that Longshore has itself, or will have. No job type can be named so: its tool would be hidden.
pub const RESERVED_TOOL_NAMES: [&str; 10] = [
    "answer_job",
    "cancel_job",
    "check_job_status",
    "delete_schedule",
    "enqueue_job",
    "list_job_types",
    "list_jobs",
    "list_schedules",
    "retry_job",
    "schedule_job",
];

/// Something that a job type asks for, to be granted or not by its operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// `data` or `outbox`.
    pub kind: String,
    /// A source or a channel; `*` for at least one of the operator's choice.
    pub target: String,
    /// Why, for the operator.
    pub reason: String,
}
