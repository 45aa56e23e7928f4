//! Tells the circuit breaker of a job type how its attempts end.

use longshore_domain::{BreakerPolicy, Finish, Gate, JobTypeName, Outcome, StoreError, TaskStore};

/// Notes the end of an attempt that was recorded. What says nothing of the job type, such as a cancellation or an input
/// that does not fit, does not count.
pub(crate) async fn note_end(
    store: &dyn TaskStore,
    job_type: &JobTypeName,
    policy: &BreakerPolicy,
    finish: &Ended,
) -> Result<(), StoreError> {
    let Some(failed) = finish.failed else { return Ok(()) };
    let before = store.breaker(job_type).await?;
    let after = store.note_outcome(job_type, policy, failed, finish.at).await?;
    match (before.gate(finish.at), after.gate(finish.at)) {
        (Gate::Open(_), _) => {}
        (_, Gate::Open(until)) => tracing::error!(
            job_type = %job_type,
            until_ms = until.ms(),
            "the circuit breaker opened: too many attempts fail, new jobs are refused for now"
        ),
        (Gate::HalfOpen, Gate::Closed) => {
            tracing::info!(job_type = %job_type, "the circuit breaker closed: an attempt succeeded");
        }
        _ => {}
    }
    Ok(())
}

/// What a breaker has to know of an attempt's end.
pub(crate) struct Ended {
    at: longshore_domain::Timestamp,
    /// Whether it failed; none when it does not count.
    failed: Option<bool>,
}

impl From<&Finish> for Ended {
    fn from(finish: &Finish) -> Self {
        let failed = match &finish.outcome {
            Outcome::Completed { .. } => Some(false),
            Outcome::Failed(failure) => failure.code.counts_against_job_type().then_some(true),
            Outcome::Cancelled => None,
        };
        Self { at: finish.at, failed }
    }
}
