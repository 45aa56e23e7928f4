//! Random commands against the store and against a model of it that fits on a page. After each, every task must be in
//! the state, with the attempts, that the model says.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use longshore_domain::{
    AttemptRef, CancelAnswer, CheckpointStore, ClaimRequest, Code, ComponentSha, Failure, Finish,
    FinishAnswer, JobTypeClaim, JobTypeName, KeptSlots, NewTask, Next, Outcome, Owner, Progress, Recovery,
    RetryAnswer, Save, SaveAnswer, TaskId, TaskState, TaskStore, Timestamp, Usage, WorkerId,
};
use longshore_store::{SqliteStore, StoreOptions, Synchronous};
use proptest::prelude::*;

/// How long an attempt is leased.
const LEASE_MS: i64 = 10;

/// What is asked of the store. Tasks and attempts are picked by index among all that there ever were.
#[derive(Clone, Debug)]
enum Command {
    Submit { delay: i64, deadline: Option<i64> },
    Claim { limit: u32, concurrency: Option<u32> },
    Finish { attempt: usize, end: End, only_if_expired: bool },
    Save { attempt: usize },
    Cancel { task: usize },
    Retry { task: usize },
    Promote { limit: u32 },
    FailOverdue { limit: u32 },
    Wait { ms: i64 },
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Complete,
    Fail,
    Stop,
    RetryIn(i64),
    Release,
}

fn command() -> impl Strategy<Value = Command> {
    let end = prop_oneof![
        Just(End::Complete),
        Just(End::Fail),
        Just(End::Stop),
        (-1_i64..10).prop_map(End::RetryIn),
        Just(End::Release),
    ];
    prop_oneof![
        4 => (prop_oneof![Just(0_i64), 1_i64..20], prop::option::weighted(0.3, 1_i64..40))
            .prop_map(|(delay, deadline)| Command::Submit { delay, deadline }),
        4 => (1_u32..4, prop::option::weighted(0.3, 0_u32..4))
            .prop_map(|(limit, concurrency)| Command::Claim { limit, concurrency }),
        6 => (any::<prop::sample::Index>(), end, prop::bool::weighted(0.3)).prop_map(|(attempt, end, only)| {
            Command::Finish { attempt: attempt.index(1_000), end, only_if_expired: only }
        }),
        3 => any::<prop::sample::Index>().prop_map(|index| Command::Save { attempt: index.index(1_000) }),
        2 => any::<prop::sample::Index>().prop_map(|index| Command::Cancel { task: index.index(1_000) }),
        2 => any::<prop::sample::Index>().prop_map(|index| Command::Retry { task: index.index(1_000) }),
        2 => (1_u32..5).prop_map(|limit| Command::Promote { limit }),
        1 => (1_u32..5).prop_map(|limit| Command::FailOverdue { limit }),
        3 => (0_i64..15).prop_map(|ms| Command::Wait { ms }),
        1 => Just(Command::Reopen),
    ]
}

/// A task as the model knows it.
#[derive(Debug)]
struct Known {
    id: TaskId,
    state: TaskState,
    /// Attempts begun.
    attempts: u32,
    /// Attempts that count.
    counted: u32,
    cancel_requested: bool,
    due_at: i64,
    deadline_at: Option<i64>,
    lease_until: i64,
    saves: u32,
    /// Attempt that saved last.
    saved_by: u32,
}

impl Known {
    fn holds(&self, number: u32) -> bool {
        self.state == TaskState::Running && self.attempts == number
    }

    fn is_overdue(&self, now: i64) -> bool {
        self.deadline_at.is_some_and(|deadline| deadline <= now)
    }
}

struct Pair {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    tasks: Vec<Known>,
    /// Every attempt that ever began, as task and number.
    begun: Vec<(usize, u32)>,
    now: i64,
}

fn open(folder: &tempfile::TempDir) -> Arc<SqliteStore> {
    let options = StoreOptions { synchronous: Synchronous::Off, ..StoreOptions::default() };
    SqliteStore::open(folder.path().join("tasks.db"), options).unwrap()
}

fn job_type() -> JobTypeName {
    "export".parse().unwrap()
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        Self { folder, store, tasks: Vec::new(), begun: Vec::new(), now: 1_000 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now)
    }

    async fn run(&mut self, command: &Command) {
        match *command {
            Command::Submit { delay, deadline } => self.submit(delay, deadline).await,
            Command::Claim { limit, concurrency } => self.claim(limit, concurrency).await,
            Command::Finish { attempt, end, only_if_expired } => {
                if let Some(attempt) = self.pick(attempt) {
                    self.finish(attempt, end, only_if_expired).await;
                }
            }
            Command::Save { attempt } => {
                if let Some(attempt) = self.pick(attempt) {
                    self.save(attempt).await;
                }
            }
            Command::Cancel { task } if !self.tasks.is_empty() => self.cancel(task % self.tasks.len()).await,
            Command::Retry { task } if !self.tasks.is_empty() => self.retry(task % self.tasks.len()).await,
            Command::Cancel { .. } | Command::Retry { .. } => {}
            Command::Promote { limit } => self.promote(limit).await,
            Command::FailOverdue { limit } => self.fail_overdue(limit).await,
            Command::Wait { ms } => self.now += ms,
            Command::Reopen => self.store = open(&self.folder),
        }
    }

    fn pick(&self, attempt: usize) -> Option<(usize, u32)> {
        (!self.begun.is_empty()).then(|| self.begun[attempt % self.begun.len()])
    }

    async fn submit(&mut self, delay: i64, deadline: Option<i64>) {
        let deadline_at = deadline.map(|ms| self.now + ms);
        let task = NewTask {
            id: TaskId::random(),
            owner: Owner::local(),
            job_type: job_type(),
            payload: "{}".into(),
            idempotency_key: None,
            priority: 0,
            created_at: self.now(),
            run_at: (delay > 0).then(|| Timestamp::from_ms(self.now + delay)),
            is_delayed: false,
            deadline_at: deadline_at.map(Timestamp::from_ms),
            ttl_ms: 1,
            callback: None,
        };
        self.tasks.push(Known {
            id: task.id,
            state: if delay > 0 { TaskState::Scheduled } else { TaskState::Queued },
            attempts: 0,
            counted: 0,
            cancel_requested: false,
            due_at: self.now + delay,
            deadline_at,
            lease_until: 0,
            saves: 0,
            saved_by: 0,
        });
        self.store.submit(task).await.unwrap();
    }

    async fn claim(&mut self, limit: u32, concurrency: Option<u32>) {
        let lease_until = self.now + LEASE_MS;
        let request = ClaimRequest {
            worker: WorkerId::new("worker"),
            now: self.now(),
            lease_until: Timestamp::from_ms(lease_until),
            limit,
            kept: KeptSlots::default(),
            job_types: vec![JobTypeClaim {
                name: job_type(),
                component: ComponentSha::new("sha"),
                concurrency,
                rate: None,
                has_breaker: false,
            }],
        };
        let claimed = self.store.claim(request).await.unwrap();
        let now = self.now;
        let running = self.tasks.iter().filter(|task| task.state == TaskState::Running).count() as u32;
        let room = concurrency.map_or(limit, |concurrency| concurrency.saturating_sub(running).min(limit));
        let expected: Vec<usize> = (0..self.tasks.len())
            .filter(|index| {
                self.tasks[*index].state == TaskState::Queued && !self.tasks[*index].is_overdue(now)
            })
            .take(room as usize)
            .collect();
        assert_eq!(claimed.len(), expected.len());
        for (claimed, index) in claimed.iter().zip(expected) {
            let task = &mut self.tasks[index];
            task.state = TaskState::Running;
            task.attempts += 1;
            task.counted += 1;
            task.lease_until = lease_until;
            self.begun.push((index, task.attempts));
            assert_eq!(claimed.attempt, AttemptRef { task: task.id, number: task.attempts });
            assert_eq!(claimed.attempts_counted, task.counted);
            let checkpoint = claimed.checkpoint.as_ref().map(|saved| (saved.saves, saved.attempt));
            assert_eq!(checkpoint, (task.saves > 0).then_some((task.saves, task.saved_by)));
        }
    }

    async fn finish(&mut self, (index, number): (usize, u32), end: End, only_if_expired: bool) {
        let now = self.now;
        let task = &mut self.tasks[index];
        let failed = || Outcome::Failed(Failure::new(Code::JobRetry, "no"));
        let (outcome, next) = match end {
            End::Complete => (Outcome::Completed { result: "{}".into() }, Next::End),
            End::Fail => (failed(), Next::End),
            End::Stop => (Outcome::Cancelled, Next::End),
            End::RetryIn(ms) => (failed(), Next::RetryAt(Timestamp::from_ms(now + ms))),
            End::Release => (Outcome::Cancelled, Next::Release),
        };
        let finish = Finish {
            attempt: AttemptRef { task: task.id, number },
            at: Timestamp::from_ms(now),
            outcome,
            next,
            usage: Usage::default(),
            progress: Progress::default(),
            artifacts: Vec::new(),
            messages: Vec::new(),
            recovery: only_if_expired.then(|| Recovery::LeaseExpired(Timestamp::from_ms(task.lease_until))),
        };
        let answer = self.store.finish(finish).await.unwrap();
        if !task.holds(number) || (only_if_expired && task.lease_until > now) {
            assert_eq!(answer, FinishAnswer::Fenced);
            return;
        }
        let tried_again = matches!(end, End::RetryIn(_) | End::Release);
        task.state = match end {
            End::Complete => TaskState::Completed,
            End::Fail => TaskState::Failed,
            End::Stop => TaskState::Cancelled,
            _ if task.cancel_requested && tried_again => TaskState::Cancelled,
            End::RetryIn(ms) if ms > 0 => TaskState::Scheduled,
            End::RetryIn(_) | End::Release => TaskState::Queued,
        };
        if let (TaskState::Scheduled, End::RetryIn(ms)) = (task.state, end) {
            task.due_at = now + ms;
        }
        if matches!((task.state, end), (TaskState::Queued, End::Release)) {
            task.counted -= 1;
        }
        task.cancel_requested = false;
        assert_eq!(answer, FinishAnswer::Recorded(task.state));
    }

    async fn save(&mut self, (index, number): (usize, u32)) {
        let now = self.now();
        let task = &mut self.tasks[index];
        let save = Save {
            at: now,
            state: vec![1],
            progress: Progress::default(),
            artifacts: Vec::new(),
            messages: Vec::new(),
        };
        let answer = self.store.save(AttemptRef { task: task.id, number }, save).await.unwrap();
        if !task.holds(number) {
            assert_eq!(answer, SaveAnswer::Fenced);
            return;
        }
        assert_eq!(answer, SaveAnswer::Saved { cancel_requested: task.cancel_requested });
        task.saves += 1;
        task.saved_by = number;
    }

    async fn cancel(&mut self, index: usize) {
        let answer = self.store.cancel(None, self.tasks[index].id, self.now()).await.unwrap();
        let task = &mut self.tasks[index];
        let expected = match task.state {
            TaskState::Running => {
                task.cancel_requested = true;
                CancelAnswer::Requested
            }
            state if state.is_terminal() => CancelAnswer::AlreadyTerminal(state),
            _ => {
                task.state = TaskState::Cancelled;
                CancelAnswer::Cancelled
            }
        };
        assert_eq!(answer, expected);
    }

    async fn retry(&mut self, index: usize) {
        let answer = self.store.retry(None, self.tasks[index].id, self.now()).await.unwrap();
        let now = self.now;
        let task = &mut self.tasks[index];
        if !matches!(task.state, TaskState::Failed | TaskState::Cancelled) {
            assert_eq!(answer, RetryAnswer::NotRetryable(task.state));
            return;
        }
        assert_eq!(answer, RetryAnswer::Queued);
        task.state = TaskState::Queued;
        task.counted = 0;
        if task.is_overdue(now) {
            task.deadline_at = None;
        }
    }

    async fn promote(&mut self, limit: u32) {
        let promoted = self.store.promote_due(self.now(), limit).await.unwrap();
        let now = self.now;
        let mut due: Vec<(i64, usize)> = (self.tasks.iter().enumerate())
            .filter(|(_, task)| task.state == TaskState::Scheduled && task.due_at <= now)
            .map(|(index, task)| (task.due_at, index))
            .collect();
        due.sort_unstable();
        due.truncate(limit as usize);
        assert_eq!(promoted as usize, due.len());
        for (_, index) in due {
            self.tasks[index].state = TaskState::Queued;
        }
    }

    async fn fail_overdue(&mut self, limit: u32) {
        let failed = self.store.fail_overdue(self.now(), limit).await.unwrap();
        let now = self.now;
        let overdue = |task: &Known| {
            matches!(task.state, TaskState::Queued | TaskState::Scheduled) && task.is_overdue(now)
        };
        let count = self.tasks.iter().filter(|task| overdue(task)).count();
        assert_eq!(failed.len(), count.min(limit as usize));
        for task in self.tasks.iter_mut().filter(|task| failed.contains(&task.id)) {
            assert!(overdue(task));
            task.state = TaskState::Failed;
        }
    }

    /// Compares every task, and looks for rows that contradict each other.
    async fn compare(&self) {
        for known in &self.tasks {
            let task = self.store.get(None, known.id).await.unwrap().unwrap();
            assert_eq!((task.state, task.attempts), (known.state, known.attempts));
            assert_eq!(task.cancel_requested, known.cancel_requested);
            let attempts = self.store.attempts(known.id).await.unwrap();
            let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
            assert_eq!(numbers, (1..=known.attempts).collect::<Vec<_>>());
            let running = attempts.iter().filter(|attempt| attempt.ended_at.is_none()).count();
            assert_eq!(running, usize::from(known.state == TaskState::Running));
        }
        let misplaced = "
            SELECT count(*) FROM tasks AS t WHERE 1 <>
                (SELECT count(*) FROM ready AS q WHERE q.seq = t.seq)
                + (SELECT count(*) FROM scheduled AS s WHERE s.seq = t.seq)
                + (SELECT count(*) FROM running AS r WHERE r.seq = t.seq AND r.id = t.id)
                + (SELECT count(*) FROM finished AS f WHERE f.seq = t.seq)";
        let file = rusqlite::Connection::open(self.folder.path().join("tasks.db")).unwrap();
        let misplaced: i64 = file.query_row(misplaced, [], |row| row.get(0)).unwrap();
        assert_eq!(misplaced, 0, "a task is in no place, or in two");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_says(commands in prop::collection::vec(command(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new();
            for command in &commands {
                pair.run(command).await;
                pair.compare().await;
            }
        });
    }
}
