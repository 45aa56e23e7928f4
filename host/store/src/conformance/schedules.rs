//! Cases of schedules.

use longshore_domain::{
    AddScheduleAnswer, DeleteScheduleAnswer, Fire, FireAnswer, Fired, LastTime, NewSchedule, Next, Origin,
    Overlap, Owner, Refusal, Schedule, SyncedSchedules, TaskId, TaskState,
};

use super::Open;
use super::kit::{Kit, at, completed, end, name, new_task};

/// As many schedules as an owner may have here.
const MAX: u32 = 3;

/// A schedule of type `export` that is due at 100.
fn new_schedule(name_of_it: &str) -> NewSchedule {
    NewSchedule {
        owner: Owner::local(),
        name: name_of_it.into(),
        origin: Origin::Agent,
        job_type: name("export"),
        payload: r#"{"city":"Delhi"}"#.into(),
        cron: "0 2 * * *".into(),
        time_zone: "Asia/Kolkata".into(),
        overlap: Overlap::Skip,
        priority: 3,
        created_at: at(0),
        next_at: at(100),
    }
}

fn of_config(name_of_it: &str) -> NewSchedule {
    NewSchedule { origin: Origin::Config, ..new_schedule(name_of_it) }
}

impl Kit {
    async fn schedule(&self, new: NewSchedule) -> Schedule {
        match self.store.add_schedule(new, MAX).await.unwrap() {
            AddScheduleAnswer::Added(schedule) => schedule,
            other => panic!("not added: {other:?}"),
        }
    }

    /// The schedule of that name, as it is now.
    async fn schedule_now(&self, name_of_it: &str) -> Schedule {
        self.store.schedule(&Owner::local(), name_of_it).await.unwrap().unwrap()
    }

    async fn names(&self) -> Vec<String> {
        let all = self.store.schedules(Some(&Owner::local())).await.unwrap();
        all.into_iter().map(|schedule| schedule.asked.name).collect()
    }

    /// Names of the schedules of type `export` that are due.
    async fn due(&self, now: i64) -> Vec<String> {
        let due = self.store.due_schedules(vec![name("export")], at(now), 10).await.unwrap();
        due.into_iter().map(|schedule| schedule.asked.name).collect()
    }

    async fn fire(&self, fire: Fire) -> FireAnswer {
        self.store.fire(fire).await.unwrap()
    }

    async fn sync(&self, declared: Vec<NewSchedule>) -> SyncedSchedules {
        self.store.sync_schedules(&Owner::local(), declared).await.unwrap()
    }

    async fn count(&self) -> usize {
        let filter = longshore_domain::TaskFilter { limit: 100, ..longshore_domain::TaskFilter::default() };
        self.store.list(filter).await.unwrap().tasks.len()
    }
}

/// Submits a task for a schedule, as it was read, and makes it due again 100 later.
fn submit(read: &Schedule, now: i64) -> (TaskId, Fire) {
    let task = longshore_domain::NewTask { created_at: at(now), ..new_task() };
    let fire = Fire {
        number: read.number,
        revision: read.revision,
        at: at(now),
        next_at: at(now + 100),
        task: Ok(task.clone()),
    };
    (task.id, fire)
}

/// A schedule is what was asked for, and each owner sees his own.
pub async fn a_schedule_is_kept_as_it_was_asked_for(open: Open) {
    let kit = Kit::new(&open);
    let (nightly, other) =
        (new_schedule("nightly"), NewSchedule { owner: Owner::new("other"), ..new_schedule("nightly") });
    let added = kit.schedule(nightly.clone()).await;
    kit.schedule(other.clone()).await;
    kit.schedule(new_schedule("hourly")).await;
    assert_eq!((added.asked, added.last, added.last_task), (nightly, None, None));
    assert_eq!(kit.names().await, ["hourly", "nightly"]);
    let theirs = kit.store.schedule(&other.owner, "nightly").await.unwrap().unwrap();
    assert_eq!(theirs.asked, other);
    assert_eq!(kit.store.schedule(&other.owner, "hourly").await.unwrap(), None);
    let listed = kit.store.schedules(Some(&other.owner)).await.unwrap();
    let without_payload = NewSchedule { payload: String::new(), ..other };
    assert_eq!(listed.into_iter().map(|schedule| schedule.asked).collect::<Vec<_>>(), [without_payload]);
    assert_eq!(kit.store.schedules(None).await.unwrap().len(), 3);
}

/// A name is taken once by each owner, and the one that has it is told.
pub async fn a_name_of_a_schedule_is_taken_once(open: Open) {
    let kit = Kit::new(&open);
    let added = kit.schedule(new_schedule("nightly")).await;
    let again = NewSchedule { cron: "0 3 * * *".into(), ..new_schedule("nightly") };
    let answer = kit.store.add_schedule(again, MAX).await.unwrap();
    assert_eq!(answer, AddScheduleAnswer::Exists(added));
}

/// An owner has so many schedules and no more; others have their own.
pub async fn schedules_of_an_owner_are_limited(open: Open) {
    let kit = Kit::new(&open);
    for number in 0..MAX {
        kit.schedule(new_schedule(&number.to_string())).await;
    }
    let answer = kit.store.add_schedule(new_schedule("more"), MAX).await.unwrap();
    assert_eq!(answer, AddScheduleAnswer::TooMany);
    kit.schedule(NewSchedule { owner: Owner::new("other"), ..new_schedule("more") }).await;
}

/// What an agent made can be deleted by its owner, and its number is not used again.
pub async fn a_schedule_is_deleted_by_its_owner(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.schedule(new_schedule("nightly")).await;
    let delete = async |owner: &str, name_of_it: &str| {
        kit.store.delete_schedule(&Owner::new(owner), name_of_it).await.unwrap()
    };
    assert_eq!(delete("other", "nightly").await, DeleteScheduleAnswer::NotFound);
    assert_eq!(delete("local", "hourly").await, DeleteScheduleAnswer::NotFound);
    assert_eq!(delete("local", "nightly").await, DeleteScheduleAnswer::Deleted);
    assert_eq!(delete("local", "nightly").await, DeleteScheduleAnswer::NotFound);
    let second = kit.schedule(new_schedule("nightly")).await;
    assert_ne!(first.number, second.number);
    kit.sync(vec![of_config("file's")]).await;
    assert_eq!(delete("local", "file's").await, DeleteScheduleAnswer::OfConfig);
}

/// Due are those whose time has come, of the job types asked for, those first that have been due for longest.
pub async fn due_schedules_are_found_oldest_first(open: Open) {
    let kit = Kit::new(&open);
    kit.schedule(NewSchedule { next_at: at(200), ..new_schedule("second") }).await;
    kit.schedule(new_schedule("first")).await;
    kit.schedule(NewSchedule { job_type: name("other"), next_at: at(0), ..new_schedule("of another") }).await;
    assert!(kit.due(99).await.is_empty());
    assert_eq!(kit.due(100).await, ["first"]);
    assert_eq!(kit.due(10_000).await, ["first", "second"]);
    let both = vec![name("export"), name("other")];
    let due = kit.store.due_schedules(both, at(10_000), 1).await.unwrap();
    let names: Vec<_> = due.iter().map(|schedule| schedule.asked.name.as_str()).collect();
    assert_eq!(names, ["of another", "first"], "one of each job type");
}

/// Seeing to a schedule submits its task, which says so, and makes it due again.
pub async fn a_due_schedule_submits_a_task(open: Open) {
    let kit = Kit::new(&open);
    let read = kit.schedule(new_schedule("nightly")).await;
    let (id, fire) = submit(&read, 130);
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Started(id)));
    let task = kit.get(id).await;
    assert_eq!((task.state, task.schedule.as_deref()), (TaskState::Queued, Some("nightly")));
    assert_eq!(kit.get(kit.submit(new_task()).await).await.schedule, None);
    let now = kit.schedule_now("nightly").await;
    assert_eq!((now.asked.next_at, now.last_task), (at(230), Some(id)));
    assert_eq!(now.last, Some(LastTime { at: at(130), outcome: Fired::Started(id) }));
    assert!(kit.due(229).await.is_empty());
}

/// What was read before somebody else saw to the schedule changes nothing, nor what is left of one that is gone.
pub async fn a_time_is_seen_to_once(open: Open) {
    let kit = Kit::new(&open);
    let other = Kit::new(&open);
    let read = kit.schedule(NewSchedule { overlap: Overlap::Queue, ..new_schedule("nightly") }).await;
    let (first, second) = (submit(&read, 100).1, submit(&read, 100).1);
    let (first, second) = tokio::join!(kit.fire(first), other.fire(second));
    let noted = [&first, &second].into_iter().filter(|answer| **answer != FireAnswer::Stale).count();
    assert_eq!((noted, kit.count().await), (1, 1));
    // Deleted, and made again under the same name.
    let read = kit.schedule_now("nightly").await;
    kit.store.delete_schedule(&Owner::local(), "nightly").await.unwrap();
    assert_eq!(kit.fire(submit(&read, 200).1).await, FireAnswer::Stale);
    kit.schedule(new_schedule("nightly")).await;
    assert_eq!(kit.fire(submit(&read, 200).1).await, FireAnswer::Stale);
    assert_eq!(kit.count().await, 1);
}

/// While its last task has not ended, a schedule is skipped or queues another, as it says.
pub async fn overlap_is_skipped_or_queued(open: Open) {
    let kit = Kit::new(&open);
    let skips = kit.schedule(new_schedule("skips")).await;
    let (first, fire) = submit(&skips, 100);
    kit.fire(fire).await;
    let claimed = kit.claim_one(at(110)).await;
    let (_, fire) = submit(&kit.schedule_now("skips").await, 200);
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Skipped));
    let skipped = kit.schedule_now("skips").await;
    assert_eq!((skipped.asked.next_at, skipped.last_task), (at(300), Some(first)));
    assert_eq!(skipped.last, Some(LastTime { at: at(200), outcome: Fired::Skipped }));
    kit.finish(end(claimed.attempt, at(210), completed(), Next::End)).await;
    let (second, fire) = submit(&skipped, 300);
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Started(second)));

    let queues = kit.schedule(NewSchedule { overlap: Overlap::Queue, ..new_schedule("queues") }).await;
    let (_, fire) = submit(&queues, 100);
    kit.fire(fire).await;
    let (third, fire) = submit(&kit.schedule_now("queues").await, 200);
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Started(third)));
    assert_eq!(kit.count().await, 4);
}

/// A last task that was pruned has ended.
pub async fn a_pruned_task_does_not_hold_its_schedule(open: Open) {
    let kit = Kit::new(&open);
    kit.schedule(new_schedule("nightly")).await;
    let (_, fire) = submit(&kit.schedule_now("nightly").await, 100);
    kit.fire(fire).await;
    let claimed = kit.claim_one(at(110)).await;
    kit.finish(end(claimed.attempt, at(120), completed(), Next::End)).await;
    assert_eq!(kit.store.prune(at(100_000), 10).await.unwrap(), 1);
    let (next, fire) = submit(&kit.schedule_now("nightly").await, 100_000);
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Started(next)));
}

/// Why there was no task is kept until the next time.
pub async fn a_refusal_is_noted(open: Open) {
    let kit = Kit::new(&open);
    let read = kit.schedule(new_schedule("nightly")).await;
    let refusal = Refusal { code: "invalid_input".into(), message: "/city: unknown".into() };
    let fire = Fire { task: Err(refusal.clone()), ..submit(&read, 100).1 };
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Refused(refusal.clone())));
    let refused = kit.schedule_now("nightly").await;
    assert_eq!(refused.last, Some(LastTime { at: at(100), outcome: Fired::Refused(refusal) }));
    assert_eq!((kit.count().await, refused.asked.next_at), (0, at(200)));
    let (id, fire) = submit(&refused, 200);
    assert_eq!(kit.fire(fire).await, FireAnswer::Noted(Fired::Started(id)));
}

/// The file's schedules are what it declares; those of agents are not touched.
pub async fn schedules_of_the_file_follow_it(open: Open) {
    let kit = Kit::new(&open);
    kit.schedule(new_schedule("agent's")).await;
    let synced = kit.sync(vec![of_config("a"), of_config("b")]).await;
    assert_eq!(synced.added, ["a", "b"]);
    let same = kit.sync(vec![NewSchedule { next_at: at(900), created_at: at(800), ..of_config("a") }]).await;
    assert_eq!(same, SyncedSchedules { removed: vec!["b".into()], ..SyncedSchedules::default() });
    assert_eq!(kit.names().await, ["a", "agent's"]);
    assert_eq!(kit.schedule_now("a").await.asked.next_at, at(100), "due as it was");
    assert_eq!(kit.sync(Vec::new()).await.removed, ["a"]);
    assert_eq!(kit.names().await, ["agent's"]);
}

/// A schedule that changes at the same times stays due when it was, and what was read of it before is stale.
pub async fn a_changed_schedule_of_the_file_keeps_its_history(open: Open) {
    let kit = Kit::new(&open);
    kit.sync(vec![of_config("a")]).await;
    let (last, fire) = submit(&kit.schedule_now("a").await, 100);
    kit.fire(fire).await;
    let read = kit.schedule_now("a").await;
    let payload = NewSchedule { payload: "{}".into(), next_at: at(900), ..of_config("a") };
    assert_eq!(kit.sync(vec![payload.clone()]).await.changed, ["a"]);
    let changed = kit.schedule_now("a").await;
    assert_eq!((changed.asked.next_at, changed.last_task), (at(200), Some(last)));
    assert_eq!(changed.last, read.last);
    assert_eq!(kit.fire(submit(&read, 200).1).await, FireAnswer::Stale);
    kit.sync(vec![NewSchedule { cron: "0 4 * * *".into(), ..payload }]).await;
    assert_eq!(kit.schedule_now("a").await.asked.next_at, at(900), "comes at other times now");
}

/// A schedule of an agent whose name the file declares becomes the file's.
pub async fn the_file_takes_a_name_over(open: Open) {
    let kit = Kit::new(&open);
    kit.schedule(new_schedule("a")).await;
    assert_eq!(kit.sync(vec![of_config("a")]).await.changed, ["a"]);
    let deleted = kit.store.delete_schedule(&Owner::local(), "a").await.unwrap();
    assert_eq!(deleted, DeleteScheduleAnswer::OfConfig);
}
