//! Cases of reads.

use longshore_domain::{
    Code, JobTypeCounts, LogLevel, LogLine, NewTask, Next, Owner, StoreError, Task, TaskFilter, TaskId,
    TaskState,
};

use super::Open;
use super::kit::{Kit, at, completed, end, failure, finished_artifact, name, new_task, of_type};

/// A task is shown to its owner and to the operator, to nobody else.
pub async fn a_task_is_shown_to_its_owner(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(new_task()).await;
    let get = async |owner: Option<&Owner>| kit.store.get(owner, id).await.unwrap().is_some();
    assert!(get(None).await);
    assert!(get(Some(&Owner::local())).await);
    assert!(!get(Some(&Owner::new("other"))).await);
}

/// Pages follow each other without a gap or a repetition, newest first, also when tasks come in between.
pub async fn lists_are_newest_first_and_paged(open: Open) {
    let kit = Kit::new(&open);
    let mut expected = Vec::new();
    for number in 0..23 {
        let job_type = ["export", "other", "third"][number % 3];
        expected.push(kit.submit(NewTask { priority: (number % 2) as i32, ..of_type(job_type) }).await);
    }
    expected.reverse();
    let filters = [
        TaskFilter { limit: 5, ..TaskFilter::default() },
        TaskFilter { limit: 5, owner: Some(Owner::local()), ..TaskFilter::default() },
        TaskFilter { limit: 5, state: Some(TaskState::Queued), ..TaskFilter::default() },
    ];
    for mut filter in filters {
        let mut seen = Vec::new();
        loop {
            let page = kit.store.list(filter.clone()).await.unwrap();
            assert!(page.tasks.len() <= 5);
            seen.extend(page.tasks.iter().map(|task| task.id));
            let Some(next) = page.next else { break };
            filter.after = Some(next);
            // A task that comes now is newer than every page to come.
            let passing = kit.submit(new_task()).await;
            kit.store.cancel(None, passing, at(1)).await.unwrap();
        }
        assert_eq!(seen.iter().filter(|id| expected.contains(id)).copied().collect::<Vec<_>>(), expected);
    }
    let whole = TaskFilter { limit: 23, state: Some(TaskState::Queued), ..TaskFilter::default() };
    assert_eq!(kit.store.list(whole).await.unwrap().next, None);
}

/// What no index has is looked up task by task: the failure, the time of submission, the schedule.
pub async fn lists_are_filtered_by_what_no_index_has(open: Open) {
    let kit = Kit::new(&open);
    let mut ids = Vec::new();
    for minute in 0..4 {
        ids.push(kit.submit(NewTask { created_at: at(minute * 60_000), ..new_task() }).await);
    }
    let claimed = kit.claim(at(200_000), 2).await;
    kit.fail(claimed[0].attempt, at(200_001)).await;
    let lost = end(claimed[1].attempt, at(200_002), failure(Code::WorkerLost), Next::End);
    assert_eq!(kit.finish(lost).await, TaskState::Failed);
    let listed = async |filter: TaskFilter| {
        let page = kit.store.list(TaskFilter { limit: 10, ..filter }).await.unwrap();
        assert_eq!(page.next, None);
        let index = |id| ids.iter().position(|known| *known == id).unwrap();
        page.tasks.into_iter().map(|task| index(task.id)).collect::<Vec<_>>()
    };
    let all = TaskFilter::default;
    assert_eq!(listed(TaskFilter { code: Some(Code::WorkerLost), ..all() }).await, [1]);
    assert_eq!(
        listed(TaskFilter { code: Some(Code::JobFailed), state: Some(TaskState::Failed), ..all() }).await,
        [0]
    );
    assert_eq!(listed(TaskFilter { created_from: Some(at(60_000)), ..all() }).await, [3, 2, 1]);
    assert_eq!(listed(TaskFilter { created_before: Some(at(60_000)), ..all() }).await, [0]);
    let (created_from, created_before) = (Some(at(60_000)), Some(at(180_000)));
    let state = Some(TaskState::Queued);
    assert_eq!(listed(TaskFilter { created_from, created_before, state, ..all() }).await, [2]);
    assert!(listed(TaskFilter { schedule: Some("nightly".into()), ..all() }).await.is_empty());
    let first = TaskFilter { created_from: Some(at(0)), limit: 2, ..all() };
    let page = kit.store.list(first.clone()).await.unwrap();
    assert_eq!(page.tasks.len(), 2);
    let rest = kit.store.list(TaskFilter { after: page.next, ..first }).await.unwrap();
    assert_eq!((rest.tasks.len(), rest.tasks[1].id, rest.next), (2, ids[0], None));
}

/// Every combination of owner, state and job type lists just the tasks that fit.
pub async fn lists_are_filtered(open: Open) {
    let kit = Kit::new(&open);
    let owners = [Owner::new("alice"), Owner::new("bob")];
    let mut all = Vec::new();
    for owner in &owners {
        for job_type in ["export", "other"] {
            for _ in 0..7 {
                all.push(kit.submit(NewTask { owner: owner.clone(), ..of_type(job_type) }).await);
            }
            let later = NewTask { owner: owner.clone(), run_at: Some(at(500)), ..of_type(job_type) };
            all.push(kit.submit(later).await);
        }
    }
    // Of each owner and job type: one completed, one failed, one cancelled, two running, two queued, one scheduled.
    for group in all.chunks(8) {
        let task = kit.get(group[0]).await;
        let keep: Vec<TaskId> = group.to_vec();
        let request = super::kit::request(at(1), 100, vec![super::kit::serve(task.job_type.as_str(), None)]);
        for claimed in kit.store.claim(request).await.unwrap() {
            let id = claimed.attempt.task;
            match keep.iter().position(|kept| *kept == id) {
                Some(0) => {
                    let mut finish = end(claimed.attempt, at(2), completed(), Next::End);
                    finish.artifacts = vec![finished_artifact("a", 1)];
                    kit.finish(finish).await;
                }
                Some(1) => kit.fail(claimed.attempt, at(2)).await,
                Some(3 | 4) => {}
                _ => {
                    kit.finish(end(claimed.attempt, at(2), failure(Code::JobRetry), Next::RetryAt(at(2))))
                        .await;
                }
            }
        }
        kit.store.cancel(None, group[2], at(3)).await.unwrap();
    }
    let mut tasks = Vec::new();
    for id in all.iter().rev() {
        tasks.push(kit.get(*id).await);
    }
    for owner in [None, Some(owners[0].clone()), Some(owners[1].clone()), Some(Owner::new("nobody"))] {
        for job_type in [None, Some("export"), Some("other"), Some("none")] {
            for state in TaskState::ALL.into_iter().map(Some).chain([None]) {
                let filter = TaskFilter {
                    owner: owner.clone(),
                    state,
                    job_type: job_type.map(name),
                    limit: 100,
                    ..TaskFilter::default()
                };
                let expected: Vec<Task> = tasks
                    .iter()
                    .filter(|task| owner.as_ref().is_none_or(|owner| task.owner == *owner))
                    .filter(|task| state.is_none_or(|state| task.state == state))
                    .filter(|task| job_type.is_none_or(|job_type| task.job_type.as_str() == job_type))
                    .map(|task| Task { result: None, artifacts: Vec::new(), ..task.clone() })
                    .collect();
                let page = kit.store.list(filter.clone()).await.unwrap();
                assert_eq!(page.tasks, expected, "{filter:?}");
                assert_eq!(page.next, None);
            }
        }
    }
}

/// A marker that no page gave is refused instead of being taken for the end.
pub async fn a_page_marker_is_checked(open: Open) {
    let kit = Kit::new(&open);
    let filter = TaskFilter { limit: 5, after: Some("no marker".into()), ..TaskFilter::default() };
    assert!(matches!(kit.store.list(filter).await, Err(StoreError::NoSuchPage)));
}

/// Live tasks are counted by job type and state.
pub async fn live_tasks_are_counted(open: Open) {
    let kit = Kit::new(&open);
    assert!(kit.store.live_counts().await.unwrap().is_empty());
    for _ in 0..3 {
        kit.submit(new_task()).await;
    }
    kit.submit(NewTask { run_at: Some(at(100)), ..of_type("other") }).await;
    let first = kit.claim(at(1), 1).await.remove(0);
    let counts = kit.store.live_counts().await.unwrap();
    assert_eq!(counts.len(), 2);
    assert_eq!(counts[&name("export")], JobTypeCounts { scheduled: 0, queued: 2, running: 1 });
    assert_eq!(counts[&name("other")], JobTypeCounts { scheduled: 1, queued: 0, running: 0 });
    kit.finish(end(first.attempt, at(2), completed(), Next::End)).await;
    assert_eq!(kit.store.live_counts().await.unwrap()[&name("export")].running, 0);
}

/// A log grows at its end and is read from any line.
pub async fn a_log_is_read_in_parts(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(new_task()).await;
    let line = |number: i64| LogLine {
        attempt: 1,
        at: at(number),
        level: LogLevel::ALL[number as usize % 4],
        message: format!("line {number}"),
    };
    kit.store.append_log(id, (0..5).map(line).collect()).await.unwrap();
    kit.store.append_log(id, Vec::new()).await.unwrap();
    kit.store.append_log(id, (5..8).map(line).collect()).await.unwrap();
    let read = async |from, limit| kit.store.log(id, from, limit).await.unwrap();
    assert_eq!(read(0, 100).await, (0..8).map(line).collect::<Vec<_>>());
    assert_eq!(read(4, 2).await, [line(4), line(5)]);
    assert!(read(8, 10).await.is_empty());
    assert!(read(u64::MAX, 10).await.is_empty());
    let other = kit.submit(new_task()).await;
    assert!(kit.store.log(other, 0, 10).await.unwrap().is_empty());
    kit.store.append_log(TaskId::random(), vec![line(0)]).await.unwrap();
}

/// The time of the last change follows the task through its life.
pub async fn the_time_of_the_last_change_is_known(open: Open) {
    let kit = Kit::new(&open);
    let id = kit.submit(NewTask { run_at: Some(at(10)), ..new_task() }).await;
    let changed = async |ms| assert_eq!(kit.get(id).await.updated_at, at(ms));
    changed(0).await;
    kit.store.promote_due(at(11), 1).await.unwrap();
    changed(11).await;
    let first = kit.claim_one(at(12)).await.attempt;
    changed(12).await;
    kit.finish(end(first, at(13), failure(Code::JobRetry), Next::RetryAt(at(20)))).await;
    changed(13).await;
    kit.store.cancel(None, id, at(14)).await.unwrap();
    changed(14).await;
}

/// Nothing is known of a task that is not there.
pub async fn an_unknown_task_is_nothing(open: Open) {
    let kit = Kit::new(&open);
    let id = TaskId::random();
    assert_eq!(kit.store.get(None, id).await.unwrap(), None);
    assert!(kit.store.attempts(id).await.unwrap().is_empty());
    assert!(kit.store.log(id, 0, 10).await.unwrap().is_empty());
    assert!(kit.store.messages(id).await.unwrap().is_empty());
    assert!(kit.store.sent_messages(id).await.unwrap().keys.is_empty());
    kit.store.mark_published(id).await.unwrap();
    assert!(kit.store.list(TaskFilter { limit: 5, ..TaskFilter::default() }).await.unwrap().tasks.is_empty());
}

/// A prefix finds the owner's tasks of such ids, in their order, as many as are asked for.
pub async fn tasks_are_found_by_the_beginning_of_their_id(open: Open) {
    let kit = Kit::new(&open);
    let id = |text: &str| -> TaskId { text.parse().unwrap() };
    let ids = [
        id("5f0e9a2c-0000-4000-8000-000000000000"),
        id("5f0e9a2c-ffff-4fff-bfff-ffffffffffff"),
        id("5f0e9a2d-0000-4000-8000-000000000000"),
    ];
    for id in ids.iter().rev() {
        kit.submit(NewTask { id: *id, ..new_task() }).await;
    }
    let foreign = id("5f0e9a2c-1111-4111-8111-111111111111");
    kit.submit(NewTask { id: foreign, owner: Owner::new("other"), ..new_task() }).await;
    let found = async |prefix: &str, limit| -> Vec<TaskId> {
        let found = kit.store.find(&Owner::local(), &prefix.parse().unwrap(), limit).await.unwrap();
        found.iter().map(|task| task.id).collect()
    };
    assert_eq!(found("5f0e", 10).await, ids);
    assert_eq!(found("5F0E9a2c", 10).await, ids[..2], "not the other owner's");
    assert_eq!(found("5f0e9a2c", 1).await, ids[..1]);
    assert_eq!(found(&ids[1].to_string(), 10).await, [ids[1]]);
    assert_eq!(found("5f0f", 10).await, []);
}
