//! Why a task failed: a stable code, and words for people.

use std::time::Duration;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, retried: $retried:literal;)*) => {
        /// Stable code of a failure. The name is what clients see; it never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that clients see.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether another attempt may help, as far as the code alone can tell.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retried,)* }
            }
        }
    };
}

codes! {
    /// The payload does not fit the schema, or the job says so.
    InvalidInput = "invalid_input", retried: false;
    /// The job says that it cannot succeed.
    JobFailed = "job_failed", retried: false;
    /// The job says that another attempt may help.
    JobRetry = "job_retry", retried: true;
    /// One attempt outlived its `timeout_ms`.
    Timeout = "timeout", retried: true;
    /// The task outlived its `max_wait_seconds`.
    DeadlineExceeded = "deadline_exceeded", retried: false;
    /// The attempt used up its fuel.
    OutOfFuel = "out_of_fuel", retried: false;
    /// The attempt asked for more memory than its policy allows.
    OutOfMemory = "out_of_memory", retried: false;
    /// Another limit of the policy was hit; the message names it.
    LimitExceeded = "limit_exceeded", retried: false;
    /// The component trapped.
    Trap = "trap", retried: false;
    /// The job reached for what was not granted.
    PermissionDenied = "permission_denied", retried: false;
    /// The lease of the attempt expired: its process was killed, or its machine is gone.
    WorkerLost = "worker_lost", retried: true;
    /// There was no room on the disk for what the attempt wrote.
    StorageFull = "storage_full", retried: true;
    /// The disk did not do what it was asked, for the attempt's files or for the task database.
    StorageFailed = "storage_failed", retried: true;
    /// A saved artifact is not what it was when it was saved.
    ArtifactCorrupt = "artifact_corrupt", retried: false;
    /// The state of the last checkpoint is not what it was when it was saved.
    CheckpointCorrupt = "checkpoint_corrupt", retried: false;
    /// The host could not do its part in another way.
    HostError = "host_error", retried: true;
}

impl Code {
    /// Whether the machine failed, which says nothing about the task.
    pub const fn is_fault_of_the_machine(self) -> bool {
        matches!(self, Self::StorageFull | Self::StorageFailed)
    }

    /// The code of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

/// A failure of an attempt, or of the task when it is the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What clients branch on.
    pub code: Code,
    /// What happened, why, and what to do, for people.
    pub message: String,
    /// More for the operator, such as a wasm backtrace.
    pub detail: Option<String>,
    /// Shortest wait that the job asked for before another attempt.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with no detail.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, retry_after: None }
    }

    /// The same with `detail` for the operator.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_match_their_serde_form() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
