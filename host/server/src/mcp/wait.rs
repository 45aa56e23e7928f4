//! Holds an answer for a bounded time, telling progress meanwhile.

use std::time::Duration;

use longshore_domain::TaskId;
use longshore_scheduler::{ServiceError, TaskStatus};

use super::caller::{Caller, Reporter};
use super::front::Front;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// The end of the job.
    End,
    /// Any change of its state.
    Change,
}

/// Waits for a job, `timeout` at most, and says how it is when that is over, or what was waited for happened, or the
/// connection closes. None when the client cancelled its request.
pub(super) async fn wait(
    front: &Front,
    id: TaskId,
    until: Until,
    timeout: Duration,
    caller: &Caller,
) -> Result<Option<TaskStatus>, ServiceError> {
    let mut reporter = caller.reporter();
    let held = async {
        match until {
            Until::End => front.service.wait_for_end(&front.owner, id, timeout).await,
            Until::Change => front.service.wait_for_change(&front.owner, id, timeout).await,
        }
    };
    let status = tokio::select! {
        biased;
        () = front.closing.cancelled() => front.service.status(&front.owner, id).await,
        () = caller.cancelled.cancelled() => return Ok(None),
        status = held => status,
        never = report(front, id, reporter.as_mut()) => match never {},
    }?;
    if let Some(reporter) = &mut reporter {
        reporter.report(&status.task.progress).await;
    }
    Ok(Some(status))
}

/// Tells progress for as long as it is polled.
async fn report(front: &Front, id: TaskId, reporter: Option<&mut Reporter<'_>>) -> std::convert::Infallible {
    let Some(reporter) = reporter else { return std::future::pending().await };
    let mut watch = front.service.watch(id);
    loop {
        watch.changed().await;
        // An error is the waiter's to tell, which looks at the same task.
        if let Ok(status) = front.service.status(&front.owner, id).await {
            reporter.report(&status.task.progress).await;
        }
        tokio::time::sleep(front.options.progress_every).await;
    }
}
