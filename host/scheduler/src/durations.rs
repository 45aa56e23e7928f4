//! What jobs of each type take, as far as this process has seen it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longshore_domain::{JobTypeName, Task, TaskId, TaskState};

/// A typical duration by job type, so that clients poll at a pace that suits it. A hint: it is learned from the statuses
/// that pass by, whichever process did the work, and forgotten with the process.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    by_type: Mutex<HashMap<JobTypeName, Seen>>,
}

#[derive(Debug)]
struct Seen {
    last: TaskId,
    typical: Duration,
}

impl Durations {
    /// Takes in how long a task ran, if it has completed and is not the one that was taken in last.
    pub(crate) fn learn(&self, task: &Task) {
        let (TaskState::Completed, Some(started), Some(finished)) =
            (task.state, task.started_at, task.finished_at)
        else {
            return;
        };
        let took = finished.since(started);
        let mut by_type = self.by_type.lock().unwrap_or_else(PoisonError::into_inner);
        match by_type.get_mut(&task.job_type) {
            Some(seen) if seen.last == task.id => {}
            // The newest counts a quarter, so that a change of what jobs take is followed within a few of them.
            Some(seen) => *seen = Seen { last: task.id, typical: (seen.typical * 3 + took) / 4 },
            None => {
                by_type.insert(task.job_type.clone(), Seen { last: task.id, typical: took });
            }
        }
    }

    /// What a job of this type typically takes; `None` before one was seen to complete.
    pub(crate) fn typical(&self, job_type: &JobTypeName) -> Option<Duration> {
        let by_type = self.by_type.lock().unwrap_or_else(PoisonError::into_inner);
        by_type.get(job_type).map(|seen| seen.typical)
    }
}

#[cfg(test)]
mod tests {
    use longshore_domain::Timestamp;

    use super::*;
    use crate::status::tests::running;

    fn completed(took_ms: i64) -> Task {
        Task {
            state: TaskState::Completed,
            finished_at: Some(Timestamp::from_ms(took_ms)),
            ..running(0, None)
        }
    }

    #[test]
    fn the_newest_counts_a_quarter_and_each_task_once() {
        let durations = Durations::default();
        let (first, second) = (completed(1_000), completed(5_000));
        let typical = || durations.typical(&first.job_type).map(|typical| typical.as_millis());
        durations.learn(&running(0, None));
        assert_eq!(typical(), None);
        durations.learn(&first);
        assert_eq!(typical(), Some(1_000));
        durations.learn(&second);
        durations.learn(&second);
        assert_eq!(typical(), Some(2_000));
    }
}
