//! What an agent does next, in one sentence or two: the part of a status that even a model without other knowledge of
//! Longshore can act on.

use longshore_domain::{Code, TaskState};
use longshore_scheduler::TaskStatus;

use crate::view::rfc3339_to_the_second;

/// What to do after the status of a job.
pub(super) fn after_status(status: &TaskStatus) -> String {
    let task = &status.task;
    match task.state {
        TaskState::Completed if status.artifacts.is_empty() => "Give the user the result.".into(),
        TaskState::Completed if status.artifacts.iter().any(|file| file.problem.is_some()) => {
            "Give the user the result, and say what is wrong with a file (problem). A new job makes it again.".into()
        }
        TaskState::Completed => {
            "Give the user the result and each file's path. Read a file (a resource, by its uri) only if you need it and \
             bytes is small."
                .into()
        }
        TaskState::Failed => after_failure(task.failure.as_ref().map(|failure| failure.code)).into(),
        TaskState::Cancelled => "The job was cancelled. If you did not ask for that, tell the user before you run it again.".into(),
        TaskState::Running if task.cancel_requested => {
            "The job is stopping. Call check_job_status with wait_seconds 30 to see how it ends.".into()
        }
        TaskState::Scheduled if let Some(due) = task.due_at => {
            let begins = if task.attempts == 0 { "It starts" } else { "It is tried again" };
            format!("{begins} at {}, by itself. Call check_job_status after that.", rfc3339_to_the_second(due))
        }
        TaskState::InputRequired => "The job waits for an answer: ask the user.".into(),
        TaskState::Queued if task.paused_since.is_some() => {
            "Tell the user that the operator has paused jobs of this type. It starts by itself once they are resumed; do not start \
             it again."
                .into()
        }
        TaskState::Queued if status.waiting.is_some() && !status.waits_for_loading() => {
            "Tell the user why it waits (waiting_reason). It starts by itself once it can; do not start it again.".into()
        }
        TaskState::Queued | TaskState::Running | TaskState::Scheduled => {
            "Do not start it again. Call check_job_status with wait_seconds 30 (less if your calls time out sooner).".into()
        }
    }
}

/// What to do where a key was sent again whose job has ended. Nothing was started, so none of what else is said holds.
pub(super) fn after_known_key(state: TaskState) -> Option<&'static str> {
    match state {
        TaskState::Completed => Some(
            "Nothing was started: this key belongs to a job that has completed, and this is its result. To run it once \
             more, use another idempotency_key.",
        ),
        TaskState::Failed | TaskState::Cancelled => Some(
            "Nothing was started: this key belongs to a job that has ended without a result. Call retry_job to run that \
             job again, or use another idempotency_key.",
        ),
        _ => None,
    }
}

/// What to do after a job has failed for good.
fn after_failure(code: Option<Code>) -> &'static str {
    let Some(code) = code else { return RETRY };
    match code {
        Code::InvalidInput => "Correct the input as the error says, and submit a new job.",
        Code::JobFailed => {
            "Tell the user what the error says; submit a new job only once that is dealt with."
        }
        Code::Trap => {
            "The plugin has a fault: tell the user what the error says. The same job would fail the same way."
        }
        Code::OutOfFuel | Code::OutOfMemory | Code::LimitExceeded => {
            "Ask for less in one job, or tell the user that the operator can raise the limit that the error names."
        }
        Code::Timeout => {
            "Tell the user: each attempt took too long. Ask for less in one job, or have the operator raise timeout_ms."
        }
        Code::DeadlineExceeded => {
            "Its deadline passed. Call retry_job, which runs it without one, if the result is still of use."
        }
        Code::PermissionDenied => {
            "If your input named it by mistake, submit a new job with what the job has. Otherwise tell the user that only the \
             operator can grant it; do not change the policy yourself."
        }
        // A retry would resume from the very bytes that are not what they were.
        Code::ArtifactCorrupt | Code::CheckpointCorrupt => {
            "Submit a new job; to retry this one cannot help. Tell the user that saved data was damaged."
        }
        Code::StorageFull | Code::StorageFailed | Code::HostError => {
            "Tell the user that the operator has to look at the host. After that, call retry_job."
        }
        Code::JobRetry | Code::WorkerLost => RETRY,
    }
}

const RETRY: &str = "Every attempt failed: tell the user why. Once the cause is gone, retry_job resumes it from its last checkpoint.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_plugin_is_not_to_be_retried() {
        assert!(after_failure(Some(Code::Trap)).starts_with("The plugin has a fault"));
        for code in Code::ALL {
            let told = after_failure(Some(*code));
            assert!(told.ends_with('.') && told.len() < 200, "{code:?}: {told}");
            if told.contains("retry_job") && !told.contains("cannot help") {
                assert!(!matches!(code, Code::Trap | Code::InvalidInput | Code::LimitExceeded), "{code:?}");
            }
        }
    }
}
