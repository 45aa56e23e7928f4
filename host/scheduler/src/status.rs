//! What a client is told of a task.

use std::path::PathBuf;
use std::time::Duration;

use longshore_domain::{Catalog, SavedArtifact, Task, TaskState, Timestamp};

/// A task, with what only the running host knows of it.
#[derive(Clone, Debug)]
pub struct TaskStatus {
    /// The task; its progress is live where it runs in this process.
    pub task: Task,
    /// Why it waits although it is due, if there is a reason beyond its turn.
    pub waiting: Option<String>,
    /// When to ask again, in milliseconds: by what jobs of its type take and it has taken, sooner when the end is near.
    pub poll_after_ms: u64,
    /// Its artifacts and where they are, once it is completed.
    pub artifacts: Vec<ArtifactFile>,
}

impl TaskStatus {
    /// Whether it waits for nothing but its plugin, which is being loaded.
    pub fn waits_for_loading(&self) -> bool {
        self.waiting.as_deref().is_some_and(|reason| reason.starts_with(PLUGIN_LOADING))
    }
}

/// Code of the reason of a task that waits for a plugin which is being loaded.
const PLUGIN_LOADING: &str = "plugin_loading";

/// Code of the reason of a task whose job type is paused.
const PAUSED: &str = "paused";

/// A finished artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub record: SavedArtifact,
    /// Why the file is not what the job made any more, where that was noticed: it is gone, or another.
    pub problem: Option<String>,
}

const POLL_MIN_MS: u64 = 100;
const POLL_MAX_MS: u64 = 30_000;

/// When to ask again: after a tenth of what jobs of the type typically take, or of the time that this one has taken if
/// that is more, or half of what is left by its progress if that is less, within 100 ms to 30 s. So a client learns of
/// an end with a delay of a tenth at most. Zero for a task that has ended.
pub(crate) fn poll_after_ms(task: &Task, typical: Option<Duration>, now: Timestamp) -> u64 {
    let typical = typical.map_or(0, |typical| typical.as_millis() as u64);
    let elapsed = |since: Timestamp| now.since(since).as_millis() as u64;
    match task.state {
        state if state.is_terminal() => 0,
        TaskState::Scheduled => task
            .due_at
            .map_or(POLL_MIN_MS, |due| due.since(now).as_millis() as u64)
            .clamp(POLL_MIN_MS, POLL_MAX_MS),
        TaskState::Running => {
            let spent = elapsed(task.started_at.unwrap_or(task.created_at));
            let left = task.progress.total.filter(|_| task.progress.done > 0).map(|total| {
                let missing = u128::from(total.saturating_sub(task.progress.done));
                let left = u128::from(spent) * missing / u128::from(task.progress.done);
                u64::try_from(left).unwrap_or(u64::MAX)
            });
            (spent.max(typical) / 10)
                .min(left.map_or(u64::MAX, |left| left / 2))
                .clamp(POLL_MIN_MS, POLL_MAX_MS)
        }
        _ => (elapsed(task.created_at).max(typical) / 10).clamp(POLL_MIN_MS, POLL_MAX_MS),
    }
}

/// Why a due task does not run, if its turn is not the reason.
pub(crate) fn waiting_reason(task: &Task, catalog: &Catalog) -> Option<String> {
    if task.state == TaskState::Scheduled {
        return task
            .failure
            .as_ref()
            .map(|failure| format!("waits for its next attempt after: {}", failure.message));
    }
    if task.state != TaskState::Queued {
        return None;
    }
    let paused = task.paused_since.map(|since| {
        let job_type = &task.job_type;
        format!(
            "{PAUSED}: the operator has paused {job_type} since {}; `longshore resume {job_type}` starts its jobs again",
            since.rfc3339()
        )
    });
    paused.or_else(|| missing_plugin(catalog, task.job_type.as_str()))
}

/// Why a job type is not loaded, unless it is.
pub(crate) fn missing_plugin(catalog: &Catalog, job_type: &str) -> Option<String> {
    if catalog.job(job_type).is_some() {
        return None;
    }
    if catalog.is_loading(job_type) {
        return Some(format!("{PLUGIN_LOADING}: the plugin of {job_type} is being loaded"));
    }
    let why = catalog
        .problems
        .get(job_type)
        .map_or_else(|| "no plugin of that name is loaded now".into(), |problem| problem.message.clone());
    Some(format!("plugin_missing: {job_type} waits for its plugin: {why}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use longshore_domain::{Owner, Progress, TaskId};
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn running(done: u64, total: Option<u64>) -> Task {
        Task {
            id: TaskId::random(),
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: "{}".into(),
            idempotency_key: None,
            priority: 0,
            schedule: None,
            paused_since: None,
            state: TaskState::Running,
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
            due_at: None,
            started_at: Some(Timestamp::from_ms(0)),
            finished_at: None,
            deadline_at: None,
            ttl_ms: 0,
            attempts: 1,
            cancel_requested: false,
            progress: Progress { done, total, message: String::new() },
            result: None,
            failure: None,
            artifacts: Vec::new(),
        }
    }

    #[test]
    fn polling_backs_off_and_comes_nearer_at_the_end() {
        let at = |task: &Task, seconds: i64| poll_after_ms(task, None, Timestamp::from_ms(seconds * 1_000));
        assert_eq!(at(&running(0, None), 0), 100);
        assert_eq!(at(&running(0, None), 2), 200);
        assert_eq!(at(&running(0, None), 100), 10_000);
        assert_eq!(at(&running(0, None), 10_000), 30_000);
        assert_eq!(at(&running(90, Some(100)), 90), 5_000);
        assert_eq!(at(&running(99, Some(100)), 99), 500);
        assert_eq!(at(&running(10, Some(100)), 100), 10_000);
        assert_eq!(at(&running(1, Some((1 << 62) + 1)), 1 << 17), 30_000, "more is left than 64 bits hold");
    }

    #[test]
    fn polling_follows_what_jobs_of_the_type_take() {
        let at = |typical: u64, ms: i64| {
            let typical = Some(Duration::from_millis(typical));
            poll_after_ms(&running(0, None), typical, Timestamp::from_ms(ms))
        };
        assert_eq!((at(5, 0), at(5, 50)), (100, 100));
        assert_eq!((at(20_000, 0), at(20_000, 10_000), at(20_000, 40_000)), (2_000, 2_000, 4_000));
    }

    /// Numbers of every size, the largest included.
    fn of_any_size() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..10, 0_u64..1_000_000, any::<u64>(), Just(u64::MAX)]
    }

    proptest! {
        #[test]
        fn a_poll_is_never_too_soon_nor_too_late(
            state in prop::sample::select(&TaskState::ALL[..]), done in of_any_size(),
            total in prop::option::of(of_any_size()), due in prop::option::of(any::<i64>()),
            started in prop::option::of(any::<i64>()), now in any::<i64>(), typical in prop::option::of(any::<u64>()),
        ) {
            let task = Task {
                state,
                due_at: due.map(Timestamp::from_ms),
                started_at: started.map(Timestamp::from_ms),
                ..running(done, total)
            };
            let typical = typical.map(Duration::from_millis);
            let wait = poll_after_ms(&task, typical, Timestamp::from_ms(now));
            if state.is_terminal() {
                prop_assert_eq!(wait, 0);
            } else {
                prop_assert!((POLL_MIN_MS..=POLL_MAX_MS).contains(&wait));
            }
        }

        #[test]
        fn a_poll_comes_no_later_for_more_progress(
            done in of_any_size(), more in of_any_size(), total in of_any_size(), now in 0_i64..i64::MAX,
        ) {
            let at = |done| poll_after_ms(&running(done, Some(total)), None, Timestamp::from_ms(now));
            prop_assert!(at(done.saturating_add(more)) <= at(done));
        }
    }

    #[test]
    fn a_queued_task_without_its_plugin_says_so() {
        let mut task = running(0, None);
        assert_eq!(waiting_reason(&task, &Catalog::default()), None);
        task.state = TaskState::Queued;
        assert!(waiting_reason(&task, &Catalog::default()).unwrap().starts_with("plugin_missing"));
        task.paused_since = Some(Timestamp::from_ms(0));
        let paused = waiting_reason(&task, &Catalog::default()).unwrap();
        assert!(paused.starts_with("paused: ") && paused.contains("longshore resume export"), "{paused}");
        task.state = TaskState::Running;
        assert_eq!(waiting_reason(&task, &Catalog::default()), None, "what runs goes on");
    }
}
