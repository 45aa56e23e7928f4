//! How a job says that it did not succeed, and why `?` works on everything.

use crate::bindings::longshore::job::types as wit;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use wit::HostError;

/// What a job and its helpers return.
pub type Result<T, E = JobError> = std::result::Result<T, E>;

/// How a job says that it did not succeed: by what happens next.
///
/// Any [`std::error::Error`] becomes one with `?`: a source that is unavailable becomes [`Retry`](Self::Retry),
/// everything else [`Failed`](Self::Failed) with the whole chain of causes as its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// The input is wrong in a way that the schema cannot express. Never retried.
    InvalidInput(String),
    /// The job cannot succeed, now or later. Never retried.
    Failed(String),
    /// Something passing went wrong. Retried as the policy says.
    Retry {
        /// What went wrong, for people.
        message: String,
        /// Shortest time to wait before the next attempt; without it the policy's backoff decides.
        after: Option<Duration>,
    },
    /// The job stopped because it was told to.
    Cancelled,
}

impl JobError {
    /// The input is wrong: say what was expected.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::InvalidInput(message.into())
    }

    /// The job cannot succeed, now or later.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Another attempt may succeed; the policy decides when it is made.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::Retry { message: message.into(), after: None }
    }

    /// Another attempt may succeed, but not before `after` has passed.
    pub fn retry_after(message: impl Into<String>, after: Duration) -> Self {
        Self::Retry { message: message.into(), after: Some(after) }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput(message) => write!(f, "invalid input: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
            Self::Retry { message, .. } => write!(f, "failed for now: {message}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

// As in other catch-all errors, `JobError` is not itself an `Error`, so that this conversion can exist.
impl<E: Error + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        if let Some(host) = (&error as &dyn Any).downcast_ref::<HostError>() {
            return match host.code.as_str() {
                "source_unavailable" => Self::retry(host.message.clone()),
                _ => Self::failed(host.message.clone()),
            };
        }
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Self::Failed(message)
    }
}

impl From<JobError> for wit::JobError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::InvalidInput(message) => Self::InvalidInput(message),
            JobError::Failed(message) => Self::Failed(message),
            JobError::Retry { message, after } => {
                let after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                Self::Retry(wit::RetryRequest { message, after_ms })
            }
            JobError::Cancelled => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_converts_and_keeps_its_causes() {
        let bad_number: Result<u8> = "x".parse::<u8>().map_err(JobError::from);
        assert_eq!(bad_number, Err(JobError::failed("invalid digit found in string")));
    }

    #[test]
    fn an_unavailable_source_is_worth_another_attempt() {
        let gone = HostError { code: "source_unavailable".into(), message: "shop is locked".into() };
        assert_eq!(JobError::from(gone), JobError::retry("shop is locked"));
        let bad_sql = HostError { code: "query_failed".into(), message: "no such table: x".into() };
        assert_eq!(JobError::from(bad_sql), JobError::failed("no such table: x"));
    }
}
