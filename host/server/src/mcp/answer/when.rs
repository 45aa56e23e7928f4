//! When something happened to a job, told from now on: "ended 3 min ago".

use std::time::Duration;

use longshore_domain::{Task, TaskState, Timestamp};

/// The last thing that happened to a task, or the next, and how far it is from now.
pub(super) fn of(task: &Task, now: Timestamp) -> String {
    let ago = |at: Timestamp| format!("{} ago", span(now.since(at)));
    match task.state {
        TaskState::Scheduled => {
            let due = span(task.due_at.unwrap_or(now).since(now));
            if task.attempts == 0 { format!("starts in {due}") } else { format!("next attempt in {due}") }
        }
        TaskState::Queued => format!("queued {}", ago(task.due_at.unwrap_or(task.created_at))),
        TaskState::InputRequired => format!("asked {}", ago(task.updated_at)),
        TaskState::Running => format!("started {}", ago(task.started_at.unwrap_or(task.created_at))),
        TaskState::Completed | TaskState::Failed | TaskState::Cancelled => {
            format!("ended {}", ago(task.finished_at.unwrap_or(task.updated_at)))
        }
    }
}

/// A time in the largest unit that has two of it at least, rounded down: 119 s, then 2 min.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds >= 2 * length {
            return format!("{} {unit}", seconds / length);
        }
    }
    format!("{seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_one_unit() {
        let shown = |seconds| span(Duration::from_secs(seconds));
        let spans = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(shown);
        assert_eq!(spans, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
    }
}
