//! What each call of the store may have done, by its answer: this, and nothing to any other task.

use std::collections::BTreeSet;

use longshore_domain::{
    AttemptRef, CancelAnswer, ClaimRequest, Claimed, Finish, FinishAnswer, Fire, FireAnswer, Fired,
    JobTypeClaim, JobTypeName, NewMessage, NewTask, Outcome, Overlap, Recovery, RenewalAnswer, RetryAnswer,
    Save, SaveAnswer, TaskId, TaskState, Timestamp, WorkerId,
};

use crate::book::{Book, Call, Taken};
use crate::tables::{Place, Snapshot, TaskRows};

/// Compares the tables before and after a call with what was asked and answered.
pub(crate) fn check(call: &Call, before: &Snapshot, after: &Snapshot, book: &mut Book) {
    let paused = book.paused.clone();
    let step = Step { before, after, paused: &paused };
    let touched: BTreeSet<TaskId> = match call {
        Call::Submit(new, taken) => step.submit(new, *taken),
        Call::Fire(fire, answer) => step.fire(fire, answer, book),
        Call::Claim(request, claimed) => {
            let of_paused = claimed.iter().find(|claimed| book.paused.contains(&claimed.job_type));
            assert!(of_paused.is_none(), "a task of a paused job type was started: {of_paused:?}");
            step.claim(request, claimed)
        }
        Call::Pause(job_type) => {
            book.paused.insert(job_type.clone());
            BTreeSet::new()
        }
        Call::Resume(job_type) => {
            book.paused.remove(job_type);
            BTreeSet::new()
        }
        Call::Save(attempt, save, answer) => step.save(*attempt, save, *answer),
        Call::Finish(finish, answer) => step.finish(finish, *answer),
        Call::Renew(until, answers) => step.renew(until.ms(), answers),
        Call::Promote(now, count) => step.promote(now.ms(), *count),
        Call::FailOverdue(now, failed) => step.fail_overdue(now.ms(), failed),
        Call::Cancel(id, answer) => step.cancel(*id, *answer),
        Call::Retry(id, answer) => step.retry(*id, *answer),
        Call::MarkPublished(id) => step.published(*id, book),
        Call::ClaimMessages(now, messages) => {
            for message in messages {
                let known = step.message_before(|known| known.id == message.id);
                assert!(known.is_some_and(|known| known.due_at.is_some_and(|due| due <= now.ms())));
            }
            messages.iter().map(|message| message.task).collect()
        }
        Call::FreeMessages(worker, now) => step.freed(worker, now.ms()),
        Call::MessageDelivered(id) => {
            let body = book.delivered.get(id).expect("only what a sink took is delivered");
            assert!(step.message_before(|known| known.id == *id && known.body == *body).is_some());
            step.task_of_message(|known| known.id == *id)
        }
        Call::MessageFailed(id) => step.task_of_message(|known| known.id == *id),
    };
    for (id, task) in after {
        let same = touched.contains(id) || before.get(id) == Some(task);
        assert!(same, "{id} changed by a call that was not about it:\n{:?}\n{task:?}", before.get(id));
    }
}

struct Step<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    paused: &'a BTreeSet<JobTypeName>,
}

impl Step<'_> {
    /// What a process that ended held is due; nothing else changed.
    fn freed(&self, worker: &WorkerId, now: i64) -> BTreeSet<TaskId> {
        let mut touched = BTreeSet::new();
        for (id, task) in self.before {
            for (old, new) in task.messages.iter().zip(&self.after[id].messages) {
                if old.holder.as_deref() == Some(worker.as_str()) {
                    assert_eq!((new.due_at, &new.holder), (Some(now), &None));
                    touched.insert(*id);
                } else {
                    assert_eq!(old, new);
                }
            }
        }
        touched
    }

    fn submit(&self, new: &NewTask, taken: Taken) -> BTreeSet<TaskId> {
        let named = |id: TaskId| {
            let task = &self.before[&id];
            assert_eq!(
                (Some(task.job_type.as_str()), &task.key),
                (Some(new.job_type.as_str()), &new.idempotency_key)
            );
            task
        };
        match taken {
            Taken::New => {
                assert!(!self.before.contains_key(&new.id));
                let waits = new.run_at.is_some_and(|at| at > new.created_at);
                let state = if waits { TaskState::Scheduled } else { TaskState::Queued };
                let task = &self.after[&new.id];
                assert_eq!((task.state(), task.attempts, &task.payload), (state, 0, &new.payload));
                assert_eq!(task.rank, new.rank());
                return [new.id].into();
            }
            Taken::Same(id) => {
                assert_eq!(named(id).payload, new.payload, "deduplicated with another payload");
            }
            Taken::Conflict(id) => {
                assert_ne!(named(id).payload, new.payload, "a conflict with the same");
            }
        }
        BTreeSet::new()
    }

    /// Each time of a schedule is seen to by one, not before it has come, and by its rule of overlap.
    fn fire(&self, fire: &Fire, answer: &FireAnswer, book: &mut Book) -> BTreeSet<TaskId> {
        let known = book.schedules.get_mut(&fire.number).expect("only what is there is due");
        let FireAnswer::Noted(fired) = answer else {
            assert!(fire.revision < known.revision, "what is as it was read is seen to");
            return BTreeSet::new();
        };
        assert_eq!(fire.revision, known.revision, "a time was seen to twice");
        assert!(known.next_at <= fire.at && fire.at < fire.next_at, "a time was seen to too early");
        let goes_on = known.last_task.is_some_and(|last| !self.before[&last].state().is_terminal());
        (known.revision, known.next_at) = (known.revision + 1, fire.next_at);
        match fired {
            Fired::Started(id) => {
                assert!(known.overlap == Overlap::Queue || !goes_on, "a job was joined by another");
                known.last_task = Some(*id);
                book.promised.insert(*id);
                assert!(!self.before.contains_key(id));
                assert_eq!((self.after[id].state(), self.after[id].attempts), (TaskState::Queued, 0));
                [*id].into()
            }
            Fired::Skipped => {
                assert!(known.overlap == Overlap::Skip && goes_on, "a time was skipped without a reason");
                BTreeSet::new()
            }
            Fired::Refused(refusal) => panic!("nothing is wrong with any schedule here: {refusal:?}"),
        }
    }

    fn claim(&self, request: &ClaimRequest, claimed: &[Claimed]) -> BTreeSet<TaskId> {
        assert!(claimed.len() <= request.limit as usize, "more than was asked for");
        for asked in &request.job_types {
            let of_type = |task: &&TaskRows| task.job_type == asked.name.as_str();
            let running = |tasks: &Snapshot| {
                tasks.values().filter(of_type).filter(|task| task.holder().is_some()).count()
            };
            if let Some(limit) = asked.concurrency {
                let most = running(self.before).max(limit as usize);
                assert!(running(self.after) <= most, "more of {} run than its limit", asked.name);
            }
            // Whatever was left must come after whatever was taken.
            let place = |task: &TaskRows| (task.rank, task.seq);
            let ids: BTreeSet<TaskId> = claimed.iter().map(|claimed| claimed.attempt.task).collect();
            let taken = self.before.iter().filter(|(id, task)| ids.contains(id) && of_type(task));
            if let Some(last) = taken.map(|(_, task)| place(task)).max() {
                let overdue = |task: &TaskRows| task.deadline_at.is_some_and(|at| at <= request.now.ms());
                let skipped =
                    self.after.values().filter(of_type).any(|task| {
                        task.state() == TaskState::Queued && place(task) < last && !overdue(task)
                    });
                assert!(!skipped, "a task was claimed before another whose turn it was");
            }
        }
        self.keeps_slots(request, claimed);
        for task in claimed {
            self.claimed(request, task);
        }
        claimed.iter().map(|claimed| claimed.attempt.task).collect()
    }

    /// A type of which nothing runs is passed over only when the slots went to others such as it, one each.
    fn keeps_slots(&self, request: &ClaimRequest, claimed: &[Claimed]) {
        let of_type = |name: &str| claimed.iter().filter(|task| task.job_type.as_str() == name).count();
        let is_startable = |asked: &JobTypeClaim, task: &TaskRows| {
            task.job_type == asked.name.as_str()
                && task.state() == TaskState::Queued
                && task.deadline_at.is_none_or(|at| at > request.now.ms())
        };
        let passed_over = request.job_types.iter().filter(|asked| {
            let is_free = asked.concurrency.is_none() && asked.rate.is_none() && !asked.has_breaker;
            is_free
                && !request.kept.running.contains(&asked.name)
                && !self.paused.contains(&asked.name)
                && of_type(asked.name.as_str()) == 0
                && self.after.values().any(|task| is_startable(asked, task))
        });
        for asked in passed_over.filter(|_| request.kept.slots > 0) {
            let is_one_of_its_type = |task: &Claimed| {
                of_type(task.job_type.as_str()) == 1 && !request.kept.running.contains(&task.job_type)
            };
            let is_full = claimed.len() == request.limit as usize;
            assert!(is_full && claimed.iter().all(is_one_of_its_type), "{} was passed over", asked.name);
        }
    }

    fn claimed(&self, request: &ClaimRequest, claimed: &Claimed) {
        let AttemptRef { task, number } = claimed.attempt;
        let (before, after) = (&self.before[&task], &self.after[&task]);
        assert!(request.job_types.iter().any(|asked| asked.name.as_str() == before.job_type));
        assert_eq!((before.state(), before.attempts + 1), (TaskState::Queued, number));
        assert_eq!(claimed.attempts_counted, before.counted + 1);
        assert!(claimed.deadline_at.is_none_or(|deadline| deadline > request.now), "claimed too late");
        let running = Place::Running {
            attempt: number,
            worker: request.worker.as_str().into(),
            until: request.lease_until.ms(),
            cancel_requested: false,
        };
        assert_eq!(after.place(), &running);
        self.same_effects(task);
        // An attempt resumes from the last save that counted: this is all that it learns of those before it.
        let resumed = claimed.checkpoint.as_ref();
        let told = resumed.map(|told| (told.attempt, told.saves, told.messages, &told.state));
        let kept = before.checkpoint.as_ref();
        assert_eq!(told, kept.map(|kept| (kept.attempt, kept.saves, kept.messages, &kept.state)));
        if let Some(told) = resumed {
            assert_eq!(told.artifacts, before.artifacts);
        }
    }

    fn save(&self, attempt: AttemptRef, save: &Save, answer: SaveAnswer) -> BTreeSet<TaskId> {
        let before = &self.before[&attempt.task];
        let holds = before.holder() == Some(attempt.number);
        let SaveAnswer::Saved { cancel_requested } = answer else {
            assert!(!holds, "an attempt was fenced that holds its task");
            return BTreeSet::new();
        };
        assert!(holds, "an attempt saved that does not hold its task");
        assert_eq!(cancel_requested, before.cancel_requested());
        let after = &self.after[&attempt.task];
        let checkpoint = after.checkpoint.as_ref().expect("what was saved is there");
        let saves = before.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.saves);
        assert_eq!((checkpoint.attempt, checkpoint.saves), (attempt.number, saves + 1));
        assert_eq!((&checkpoint.state, &after.artifacts), (&save.state, &save.artifacts));
        self.new_messages(attempt.task, &save.messages);
        [attempt.task].into()
    }

    fn finish(&self, finish: &Finish, answer: FinishAnswer) -> BTreeSet<TaskId> {
        let AttemptRef { task, number } = finish.attempt;
        let (before, after) = (&self.before[&task], &self.after[&task]);
        let expired = |lease: Timestamp| matches!(before.place(), Place::Running { until, .. } if *until == lease.ms() && lease <= finish.at);
        let lost = |recovery: &Recovery| match recovery {
            Recovery::LeaseExpired(lease) => expired(*lease),
            Recovery::WorkerGone(_) => true,
        };
        let counts = before.holder() == Some(number) && finish.recovery.as_ref().is_none_or(lost);
        let FinishAnswer::Recorded(state) = answer else {
            assert!(!counts, "the end of an attempt was refused that holds its task");
            return BTreeSet::new();
        };
        assert!(counts, "an attempt ended that does not hold its task");
        assert_eq!(after.state(), state);
        assert_eq!(after.ended.len(), before.ended.len() + 1);
        if matches!(finish.outcome, Outcome::Completed { .. }) {
            assert_eq!((state, &after.checkpoint), (TaskState::Completed, &None));
            assert_eq!(after.artifacts, finish.artifacts);
            assert_eq!(after.unpublished, !finish.artifacts.is_empty());
            self.new_messages(task, &finish.messages);
        } else {
            assert_ne!(state, TaskState::Completed);
            self.same_effects(task);
        }
        [task].into()
    }

    fn renew(&self, lease_until: i64, answers: &[(AttemptRef, RenewalAnswer)]) -> BTreeSet<TaskId> {
        let mut touched = BTreeSet::new();
        for (attempt, answer) in answers {
            let holds = self.before[&attempt.task].holder() == Some(attempt.number);
            assert_eq!(holds, *answer != RenewalAnswer::Lost, "who holds a task keeps it, nobody else");
            if holds {
                let after = &self.after[&attempt.task];
                assert!(matches!(after.place(), Place::Running { until, .. } if *until == lease_until));
                self.same_effects(attempt.task);
                touched.insert(attempt.task);
            }
        }
        touched
    }

    fn promote(&self, now: i64, count: u32) -> BTreeSet<TaskId> {
        let due = |task: &TaskRows| matches!(task.place(), Place::Scheduled { due_at } if *due_at <= now);
        let promoted: BTreeSet<TaskId> =
            self.before.iter().filter(|(_, task)| due(task)).map(|(id, _)| *id).collect();
        assert_eq!(promoted.len(), count as usize);
        for id in &promoted {
            assert_eq!(self.after[id].state(), TaskState::Queued);
            self.same_effects(*id);
        }
        promoted
    }

    fn fail_overdue(&self, now: i64, failed: &[TaskId]) -> BTreeSet<TaskId> {
        for id in failed {
            let (before, after) = (&self.before[id], &self.after[id]);
            assert!(before.deadline_at.is_some_and(|deadline| deadline <= now), "failed too early");
            assert!(matches!(before.state(), TaskState::Queued | TaskState::Scheduled));
            assert_eq!(after.state(), TaskState::Failed);
            self.same_effects(*id);
        }
        failed.iter().copied().collect()
    }

    fn cancel(&self, id: TaskId, answer: CancelAnswer) -> BTreeSet<TaskId> {
        let (before, after) = (&self.before[&id], &self.after[&id]);
        match answer {
            CancelAnswer::Cancelled => assert_eq!(after.state(), TaskState::Cancelled),
            CancelAnswer::Requested => assert!(after.cancel_requested()),
            CancelAnswer::AlreadyTerminal(state) => {
                assert_eq!(before.state(), state);
                return BTreeSet::new();
            }
            CancelAnswer::NotFound => panic!("a task that is there was not found"),
        }
        self.same_effects(id);
        [id].into()
    }

    fn retry(&self, id: TaskId, answer: RetryAnswer) -> BTreeSet<TaskId> {
        let (before, after) = (&self.before[&id], &self.after[&id]);
        match answer {
            RetryAnswer::Queued => {
                assert!(matches!(before.state(), TaskState::Failed | TaskState::Cancelled));
                assert_eq!(
                    (after.state(), after.attempts, after.counted),
                    (TaskState::Queued, before.attempts, 0)
                );
                self.same_effects(id);
                [id].into()
            }
            RetryAnswer::NotRetryable(state) => {
                assert_eq!(before.state(), state);
                assert!(!matches!(state, TaskState::Failed | TaskState::Cancelled));
                BTreeSet::new()
            }
            RetryAnswer::NotFound => panic!("a task that is there was not found"),
        }
    }

    fn published(&self, id: TaskId, book: &Book) -> BTreeSet<TaskId> {
        let after = &self.after[&id];
        assert!(!after.unpublished);
        let by = after.ended.last().expect("only what is completed is published").0;
        assert_eq!(book.published.get(&id), Some(&by), "artifacts of another attempt were published");
        [id].into()
    }

    /// A task's effects are as they were.
    fn same_effects(&self, id: TaskId) {
        let (before, after) = (&self.before[&id], &self.after[&id]);
        assert_eq!(
            (&before.checkpoint, &before.artifacts, &before.messages),
            (&after.checkpoint, &after.artifacts, &after.messages),
            "effects became real without a save or an end"
        );
    }

    /// The messages of a task are those it had, and of these the ones whose key is new.
    fn new_messages(&self, id: TaskId, sent: &[NewMessage]) {
        let mut expected: Vec<(&str, &str)> = Vec::new();
        let had = self.before[&id].messages.iter().map(|message| (&*message.key, &*message.body));
        for (key, body) in had.chain(sent.iter().map(|message| (&*message.key, &*message.body))) {
            if !expected.iter().any(|(known, _)| *known == key) {
                expected.push((key, body));
            }
        }
        let has = self.after[&id].messages.iter().map(|message| (&*message.key, &*message.body));
        assert_eq!(has.collect::<Vec<_>>(), expected);
    }

    fn message_before(
        &self,
        is_it: impl Fn(&crate::tables::Message) -> bool,
    ) -> Option<&crate::tables::Message> {
        self.before.values().flat_map(|task| &task.messages).find(|message| is_it(message))
    }

    fn task_of_message(&self, is_it: impl Fn(&crate::tables::Message) -> bool) -> BTreeSet<TaskId> {
        let has_it = |task: &TaskRows| task.messages.iter().any(&is_it);
        self.before.iter().filter(|(_, task)| has_it(task)).map(|(id, _)| *id).collect()
    }
}
