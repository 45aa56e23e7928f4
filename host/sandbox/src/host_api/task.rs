//! `task`: which task this is.

use crate::bindings::longshore::job::task::{Host, TaskInfo};
use crate::guest::Guest;

impl Host for Guest {
    fn current(&mut self) -> wasmtime::Result<TaskInfo> {
        let attempt = self.attempt()?;
        let claimed = &attempt.request.claimed;
        let since_epoch = |ms: i64| u64::try_from(ms).unwrap_or(0);
        Ok(TaskInfo {
            id: claimed.attempt.task.to_string(),
            job_type: claimed.job_type.to_string(),
            attempt: claimed.attempt.number,
            created_at_ms: since_epoch(claimed.created_at.ms()),
            deadline_ms: since_epoch(attempt.deadline_at.ms()),
            resumed_from: claimed.checkpoint.as_ref().map(|saved| saved.attempt),
        })
    }
}
