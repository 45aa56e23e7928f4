//! Until when a job and its files are kept.

use longshore_scheduler::TaskStatus;
use serde_json::{Value, json};

use super::text;
use crate::view::{JobView, rfc3339};

/// The status of a job as `--json` has it, with `kept_until`; null before its end.
pub(super) fn job_json(status: &TaskStatus) -> serde_json::Result<Value> {
    let mut view = serde_json::to_value(JobView::from(status))?;
    view["kept_until"] = json!(status.task.kept_until().map(rfc3339));
    Ok(view)
}

/// The same for people; `None` before the end of the job.
pub(super) fn until(status: &TaskStatus) -> Option<String> {
    status.task.kept_until().map(|at| text::time(&rfc3339(at)))
}
