//! Whether new work is taken: its job type is there, its input fits, its arguments make sense, its breaker is closed.

use std::time::Duration;

use longshore_domain::{Callback, Catalog, Gate, JobTypeName, NewTask, Owner, TaskId, Timestamp, read_input};

use crate::{ServiceError, ServiceParts, SubmitRequest};

/// Longest name of an idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Longest URL of a callback.
const CALLBACK_URL_BYTES_MAX: usize = 2_000;
/// Priorities go from minus this to this.
const PRIORITY_MAX: i32 = 100;

impl ServiceParts {
    /// The task that is asked for, if it is taken now.
    pub(crate) async fn admit(
        &self,
        owner: &Owner,
        request: SubmitRequest,
        now: Timestamp,
    ) -> Result<NewTask, ServiceError> {
        let task = self.check(owner, request, now).await?;
        self.refuse_when_open(&task.job_type, now).await?;
        Ok(task)
    }

    /// The task that is asked for, if nothing is wrong with it.
    pub(crate) async fn check(
        &self,
        owner: &Owner,
        mut request: SubmitRequest,
        now: Timestamp,
    ) -> Result<NewTask, ServiceError> {
        let (bytes, max) = (request.payload.to_string().len() as u64, self.payload_bytes_max);
        if bytes > max {
            return Err(ServiceError::PayloadTooLarge { bytes, max });
        }
        let catalog = self.catalog.current();
        let job =
            catalog.job(&request.job_type).ok_or_else(|| unknown_job_type(&catalog, &request.job_type))?;
        let input = read_input(std::mem::take(&mut request.payload), &job.job_type.input_schema);
        let violations = job.program.check_input(&input).await;
        if !violations.is_empty() {
            return Err(ServiceError::InvalidInput { job_type: request.job_type, violations });
        }
        check_arguments(&request)?;
        let run_at = request.run_at.or(request.delay.map(|delay| now.after(delay))).filter(|at| *at > now);
        let longest = job.policy.max_wait_ms.map(Duration::from_millis);
        let max_wait = [request.max_wait, longest].into_iter().flatten().min();
        let deadline_at = max_wait.map(|wait| now.after(wait));
        if let (Some(run_at), Some(deadline)) = (run_at, deadline_at)
            && run_at >= deadline
        {
            return Err(ServiceError::InvalidArgument(
                "the job would be given up (max_wait_seconds, or max_wait_ms of its policy) before its time has come \
                 (run_at or delay_seconds)"
                    .into(),
            ));
        }
        Ok(NewTask {
            id: TaskId::at(now),
            owner: owner.clone(),
            job_type: job.job_type.name.clone(),
            payload: input.to_string(),
            idempotency_key: request.idempotency_key,
            priority: request.priority,
            created_at: now,
            run_at,
            is_delayed: request.delay.is_some(),
            deadline_at,
            ttl_ms: job.policy.ttl_ms,
            callback: request.callback_url.map(|url| self.callback(url)).transpose()?,
        })
    }

    /// Checks where the end of a task is to be told, so that a slip of the pen is known now and not when it has ended.
    fn callback(&self, url: String) -> Result<Callback, ServiceError> {
        let Some(channel) = &self.callbacks else {
            return Err(ServiceError::CallbackRefused(
                "this host has no channel for callbacks (the operator names one as [callbacks] channel in \
                 longshore.toml)"
                    .into(),
            ));
        };
        if url.len() > CALLBACK_URL_BYTES_MAX {
            return Err(ServiceError::CallbackRefused(format!(
                "it has {} bytes, and may have {CALLBACK_URL_BYTES_MAX}",
                url.len()
            )));
        }
        channel.sink.accepts(&url).map_err(|error| ServiceError::CallbackRefused(error.message))?;
        Ok(Callback { channel: channel.name.clone(), url })
    }

    /// Refuses new work of a job type whose circuit breaker is open.
    async fn refuse_when_open(&self, job_type: &JobTypeName, now: Timestamp) -> Result<(), ServiceError> {
        let catalog = self.catalog.current();
        let has_breaker = catalog.job(job_type.as_str()).is_some_and(|job| job.policy.breaker.is_some());
        if has_breaker && let Gate::Open(until) = self.store.breaker(job_type).await?.gate(now) {
            return Err(ServiceError::CircuitOpen {
                job_type: job_type.to_string(),
                retry_after: until.since(now),
            });
        }
        Ok(())
    }
}

fn unknown_job_type(catalog: &Catalog, name: &str) -> ServiceError {
    if catalog.is_loading(name) {
        return ServiceError::Loading { name: name.into() };
    }
    ServiceError::UnknownJobType {
        name: name.chars().take(80).collect(),
        available: catalog.jobs.keys().map(ToString::to_string).collect(),
        problem: catalog.problems.get(name).map(|problem| problem.message.clone()),
    }
}

fn check_arguments(request: &SubmitRequest) -> Result<(), ServiceError> {
    let wrong = |message: String| Err(ServiceError::InvalidArgument(message));
    if let Some(key) = &request.idempotency_key
        && (key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX)
    {
        return wrong(format!(
            "idempotency_key must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes, it has {}",
            key.len()
        ));
    }
    if request.run_at.is_some() && request.delay.is_some() {
        return wrong("give run_at or delay_seconds, not both".into());
    }
    check_priority(request.priority)
}

pub(crate) fn check_priority(priority: i32) -> Result<(), ServiceError> {
    if !(-PRIORITY_MAX..=PRIORITY_MAX).contains(&priority) {
        return Err(ServiceError::InvalidArgument(format!(
            "priority must be from -{PRIORITY_MAX} to {PRIORITY_MAX}, it is {priority}"
        )));
    }
    Ok(())
}
