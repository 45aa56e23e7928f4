//! Tells the circuit breaker and the alert of a job type how its attempts end.

use longshore_domain::{
    AlertPolicy, BreakerPolicy, Finish, Gate, JobTypeName, Next, Outcome, Policy, StoreError, TaskId,
    TaskStore, Timestamp,
};

/// What is to be known of an attempt's end, which outlives the [`Finish`] that records it.
pub(crate) struct Ended {
    task: TaskId,
    at: Timestamp,
    /// Whether it failed; none when it says nothing of the job type, such as a cancellation or an input that does not
    /// fit.
    failed: Option<bool>,
}

impl From<&Finish> for Ended {
    fn from(finish: &Finish) -> Self {
        let failed = match &finish.outcome {
            Outcome::Completed { .. } => Some(false),
            Outcome::Failed(_) if matches!(finish.next, Next::ResumeAt(_)) => None,
            Outcome::Failed(failure) => failure.code.counts_against_job_type().then_some(true),
            Outcome::Cancelled | Outcome::Interrupted(_) => None,
        };
        Self { task: finish.attempt.task, at: finish.at, failed }
    }
}

/// Notes the end of an attempt that was recorded.
pub(crate) async fn note_end(
    store: &dyn TaskStore,
    job_type: &JobTypeName,
    policy: &Policy,
    ended: &Ended,
) -> Result<(), StoreError> {
    let Some(failed) = ended.failed else { return Ok(()) };
    if let Some(breaker) = &policy.breaker {
        tell_breaker(store, job_type, breaker, failed, ended.at).await?;
    }
    if let Some(alert) = &policy.alert {
        tell_alert(store, job_type, alert, failed, ended).await?;
    }
    Ok(())
}

async fn tell_breaker(
    store: &dyn TaskStore,
    job_type: &JobTypeName,
    policy: &BreakerPolicy,
    failed: bool,
    at: Timestamp,
) -> Result<(), StoreError> {
    let before = store.breaker(job_type).await?;
    let after = store.note_outcome(job_type, policy, failed, at).await?;
    match (before.gate(at), after.gate(at)) {
        (Gate::Open(_), _) => {}
        (_, Gate::Open(until)) => tracing::error!(
            job_type = %job_type,
            until = until.rfc3339(),
            "the circuit breaker opened: too many attempts fail, new jobs are refused for now"
        ),
        (Gate::HalfOpen, Gate::Closed) => {
            tracing::info!(job_type = %job_type, "the circuit breaker closed: an attempt succeeded");
        }
        _ => {}
    }
    Ok(())
}

async fn tell_alert(
    store: &dyn TaskStore,
    job_type: &JobTypeName,
    policy: &AlertPolicy,
    failed: bool,
    ended: &Ended,
) -> Result<(), StoreError> {
    if let Some(window) = store.note_failures(job_type, policy, failed, ended.task, ended.at).await? {
        tracing::error!(
            job_type = %job_type,
            failures = window.failures,
            attempts = window.attempts,
            since = window.started_at.rfc3339(),
            channel = policy.channel,
            "too many attempts fail"
        );
    }
    Ok(())
}
