//! Holds an answer for a bounded time, reporting progress meanwhile.

use std::time::Duration;

use longshore_domain::TaskId;
use longshore_scheduler::{ServiceError, TaskStatus};
use tokio::time::Instant;

use super::caller::{Caller, Reporter};
use super::front::Front;

/// How long after the time that was waited for a status may still be read. The client gets the last one known then, because
/// the store may take longer than the client waits.
const READ_MAX: Duration = Duration::from_millis(500);

/// When the answer to a request has to leave that may be held for `wait`. It counts from when the request came, so that
/// work that was done for it meanwhile, or a busy machine, does not come on top.
pub(super) fn deadline(front: &Front, caller: &Caller, wait: Duration) -> Instant {
    front.in_flight.since(&caller.id).map_or_else(Instant::now, Instant::from_std) + wait
}

/// Waits until a job has ended or asks a question, `deadline` has come, or the connection closes, and returns its status.
/// `known` is the status so far, if there is one. `None` when the client cancelled its request.
pub(super) async fn wait(
    front: &Front,
    id: TaskId,
    deadline: Instant,
    known: Option<&TaskStatus>,
    caller: &Caller,
) -> Result<Option<TaskStatus>, ServiceError> {
    let first = match known {
        Some(status) => status.clone(),
        None => front.service.status(&front.owner, id).await?,
    };
    if first.task.state.is_terminal() || deadline <= Instant::now() {
        return Ok(Some(first));
    }
    front.in_flight.waits(&caller.id);
    let mut reporter = caller.reporter();
    let timeout = deadline.saturating_duration_since(Instant::now());
    let overdue = async {
        tokio::time::sleep_until(deadline + READ_MAX).await;
        first
    };
    let status = tokio::select! {
        biased;
        () = front.closing.cancelled() => front.service.status(&front.owner, id).await,
        () = caller.cancelled.cancelled() => return Ok(None),
        status = front.service.wait_for_end(&front.owner, id, timeout) => status,
        status = overdue => Ok(status),
        never = report(front, id, reporter.as_mut()) => match never {},
    }?;
    if let Some(reporter) = &mut reporter {
        reporter.report(&status.task.progress).await;
    }
    Ok(Some(status))
}

/// Reports progress for as long as it is polled.
async fn report(front: &Front, id: TaskId, reporter: Option<&mut Reporter<'_>>) -> std::convert::Infallible {
    let Some(reporter) = reporter else { return std::future::pending().await };
    let mut watch = front.service.watch(id);
    loop {
        watch.changed().await;
        // An error is returned by the waiter, which looks at the same task.
        if let Ok(status) = front.service.status(&front.owner, id).await {
            reporter.report(&status.task.progress).await;
        }
        tokio::time::sleep(front.options.progress_every).await;
    }
}
