//! Why the service did not do what was asked, typed by what the caller does next.

use longshore_domain::{InputViolation, Origin, StoreError, SubmitError, TaskId, TaskState, TimetableError};

/// The service did not do what was asked; nothing of it happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such job type now.
    #[error("{}", unknown_clause(name, problem.as_deref(), available))]
    UnknownJobType {
        /// What was asked for.
        name: String,
        /// What there is.
        available: Vec<String>,
        /// Why a plugin of that name is not offered, if there is one.
        problem: Option<String>,
    },
    /// The plugin of the job type is being compiled.
    #[error(
        "the plugin of {name:?} is still being loaded; a new version is compiled first, which may take a minute; nothing \
         was submitted"
    )]
    Loading {
        /// The job type.
        name: String,
    },
    /// The payload does not fit the schema of the job type.
    #[error("the input does not fit the schema of {job_type}: {}", violations_clause(violations))]
    InvalidInput {
        /// The job type.
        job_type: String,
        /// Where it does not fit.
        violations: Vec<InputViolation>,
    },
    /// The payload is larger than the host takes.
    #[error(
        "the payload has {bytes} bytes, more than the {max} that this host takes (limits.payload_bytes_max)"
    )]
    PayloadTooLarge {
        /// Its size as JSON.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// Another argument makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
    /// The key was used with another payload.
    #[error(
        "the idempotency key was used before with another payload, by job {existing}; use a new key for new work, or the \
         same payload to get that job again"
    )]
    IdempotencyConflict {
        /// The task that has the key.
        existing: TaskId,
    },
    /// Too many attempts of the job type fail; nothing new is taken for now.
    #[error(
        "too many jobs of type {job_type} fail now, so no new one is taken for {} s (its circuit breaker is open); nothing \
         was submitted",
        retry_after.as_secs_f64().ceil()
    )]
    CircuitOpen {
        /// The job type.
        job_type: String,
        /// When to come back.
        retry_after: std::time::Duration,
    },
    /// The end of the task cannot be told where the caller wants it.
    #[error("callback_url cannot be used: {0}; nothing was submitted")]
    CallbackRefused(String),
    /// The owner has no such task.
    #[error(
        "there is no job {id}: it never existed, belongs to somebody else, or its retention time is over; list_jobs shows what there is"
    )]
    NotFound {
        /// What was asked for.
        id: TaskId,
    },
    /// Only failed and cancelled tasks can be run again.
    #[error("job {id} is {}, and only failed or cancelled jobs can be retried", state.as_str())]
    NotRetryable {
        /// The task.
        id: TaskId,
        /// The state it is in.
        state: TaskState,
    },
    /// The task has no such artifact.
    #[error("job {id} has no artifact {name:?}; {}", artifacts_clause(available))]
    ArtifactNotFound {
        /// The task.
        id: TaskId,
        /// What was asked for.
        name: String,
        /// What it has.
        available: Vec<String>,
    },
    /// The artifact should be there and cannot be read.
    #[error("artifact {name:?} of job {id} cannot be read: {message}")]
    ArtifactUnreadable {
        /// The task.
        id: TaskId,
        /// The artifact.
        name: String,
        /// What the system said.
        message: String,
    },
    /// The artifact is not what the job made any more.
    #[error("artifact {name:?} of job {id} is not what the job made any more: {message}")]
    ArtifactCorrupt {
        /// The task.
        id: TaskId,
        /// The artifact.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A schedule would come at no time.
    #[error(transparent)]
    Timetable(#[from] TimetableError),
    /// The name is taken by a schedule that asks for something else.
    #[error("there is a schedule {name:?} that asks for something else; {}", exists_clause(*origin))]
    ScheduleExists {
        /// The name.
        name: String,
        /// Who made the one that is there.
        origin: Origin,
    },
    /// The owner has as many schedules as there may be.
    #[error(
        "there are {max} schedules, and there may be no more; delete_schedule takes one away that is not needed"
    )]
    TooManySchedules {
        /// The limit.
        max: u32,
    },
    /// The owner has no such schedule.
    #[error("there is no schedule {name:?}; list_schedules shows what there is")]
    ScheduleNotFound {
        /// What was asked for.
        name: String,
    },
    /// The schedule is the operator's.
    #[error(
        "schedule {name:?} stands in longshore.toml, and only the operator can take it away: delete its [[schedules]] entry and \
         start the host again"
    )]
    ScheduleOfConfig {
        /// The schedule.
        name: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServiceError {
    /// The stable code that clients see.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownJobType { .. } => "unknown_job_type",
            Self::Loading { .. } => "plugin_loading",
            Self::InvalidInput { .. } => "invalid_input",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::InvalidArgument(_) => "invalid_arguments",
            Self::IdempotencyConflict { .. } => "idempotency_conflict",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::CallbackRefused(_) => "callback_not_allowed",
            Self::NotFound { .. } => "job_not_found",
            Self::NotRetryable { .. } => "not_retryable",
            Self::ArtifactNotFound { .. } => "artifact_not_found",
            Self::ArtifactUnreadable { .. } => "artifact_unreadable",
            Self::ArtifactCorrupt { .. } => "artifact_corrupt",
            Self::Timetable(error) => error.code(),
            Self::ScheduleExists { .. } => "schedule_exists",
            Self::TooManySchedules { .. } => "too_many_schedules",
            Self::ScheduleNotFound { .. } => "schedule_not_found",
            Self::ScheduleOfConfig { .. } => "schedule_of_config",
            Self::Store(error) => error.code(),
        }
    }

    /// What clients are told: the same without what is for the operator, who sees it in the log and on the command line.
    pub fn told(&self) -> String {
        match self {
            Self::Store(error) => error.told(),
            other => other.to_string(),
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::ArtifactUnreadable { .. } | Self::CircuitOpen { .. } | Self::Loading { .. } => true,
            Self::Store(error) => error.may_pass(),
            _ => false,
        }
    }

    /// The fields that are wrong, where fields are.
    pub fn violations(&self) -> &[InputViolation] {
        match self {
            Self::InvalidInput { violations, .. } => violations,
            _ => &[],
        }
    }
}

impl From<SubmitError> for ServiceError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::IdempotencyConflict { existing } => Self::IdempotencyConflict { existing },
            SubmitError::Store(error) => Self::Store(error),
        }
    }
}

fn unknown_clause(name: &str, problem: Option<&str>, available: &[String]) -> String {
    match problem {
        Some(reason) => format!("the job type {name:?} is not available: {reason}"),
        None => format!("there is no job type {name:?}; {}", available_clause(available)),
    }
}

fn available_clause(available: &[String]) -> String {
    if available.is_empty() {
        "no job type is loaded: put a component into the plugin folder".into()
    } else {
        format!("there are: {}", available.join(", "))
    }
}

const fn exists_clause(origin: Origin) -> &'static str {
    match origin {
        Origin::Agent => "delete_schedule takes it away",
        Origin::Config => "use another name: that one stands in longshore.toml and is the operator's",
    }
}

fn artifacts_clause(available: &[String]) -> String {
    if available.is_empty() {
        "it has none (artifacts are there once a job is completed)".into()
    } else {
        format!("it has: {}", available.join(", "))
    }
}

fn violations_clause(violations: &[InputViolation]) -> String {
    let clauses: Vec<String> = violations
        .iter()
        .map(|violation| match violation.field.as_str() {
            "" => violation.message.clone(),
            field => format!("{field}: {}", violation.message),
        })
        .collect();
    clauses.join("; ")
}
