//! What the cases are made of: tasks, times and verbs with the usual arguments.

use std::sync::Arc;

use longshore_domain::{
    AttemptRef, ClaimRequest, Claimed, Code, ComponentSha, Failure, Finish, FinishAnswer, JobTypeClaim,
    JobTypeName, KeptSlots, NewMessage, NewTask, Next, Outcome, Owner, Progress, RetryAnswer, Save,
    SaveAnswer, SavedArtifact, Task, TaskId, TaskState, TaskStore, Timestamp, Usage, WorkerId,
};

use super::Open;

/// The time `ms` milliseconds after the cases begin.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + ms)
}

/// How long the usual claim is leased, in milliseconds.
pub(super) const LEASE_MS: i64 = 1_000;

pub(super) fn name(name: &str) -> JobTypeName {
    name.parse().unwrap()
}

/// A task of type `export` that is submitted at the beginning.
pub(super) fn new_task() -> NewTask {
    NewTask {
        id: TaskId::random(),
        owner: Owner::local(),
        job_type: name("export"),
        payload: r#"{"city":"Delhi"}"#.into(),
        idempotency_key: None,
        priority: 0,
        created_at: at(0),
        run_at: None,
        is_delayed: false,
        deadline_at: None,
        ttl_ms: 1_000,
        callback: None,
    }
}

pub(super) fn of_type(job_type: &str) -> NewTask {
    NewTask { job_type: name(job_type), ..new_task() }
}

pub(super) fn serve(job_type: &str, concurrency: Option<u32>) -> JobTypeClaim {
    JobTypeClaim {
        name: name(job_type),
        component: ComponentSha::new(format!("sha-of-{job_type}")),
        concurrency,
        rate: None,
        has_breaker: false,
    }
}

pub(super) fn request(now: Timestamp, limit: u32, job_types: Vec<JobTypeClaim>) -> ClaimRequest {
    ClaimRequest {
        worker: WorkerId::new("worker-1"),
        now,
        lease_until: Timestamp::from_ms(now.ms() + LEASE_MS),
        limit,
        kept: KeptSlots::default(),
        job_types,
    }
}

pub(super) fn progress(done: u64, message: &str) -> Progress {
    Progress { done, total: Some(100), message: message.into() }
}

pub(super) fn failure(code: Code) -> Outcome {
    Outcome::Failed(Failure::new(code, "it went wrong").with_detail("at line 1"))
}

pub(super) fn completed() -> Outcome {
    Outcome::Completed { result: r#"{"rows":3}"#.into() }
}

/// The end of an attempt, without any effects.
pub(super) fn end(attempt: AttemptRef, now: Timestamp, outcome: Outcome, next: Next) -> Finish {
    Finish {
        attempt,
        at: now,
        outcome,
        next,
        usage: Usage { fuel: 7, memory_bytes: 64 },
        progress: Progress::default(),
        artifacts: Vec::new(),
        messages: Vec::new(),
        recovery: None,
    }
}

pub(super) fn save(now: Timestamp, state: &[u8]) -> Save {
    Save {
        at: now,
        state: state.to_vec(),
        progress: progress(1, "saved"),
        artifacts: Vec::new(),
        messages: Vec::new(),
    }
}

pub(super) fn artifact(name: &str, bytes: u64) -> SavedArtifact {
    SavedArtifact { name: name.into(), media_type: "text/csv".into(), bytes, sha256: None }
}

pub(super) fn finished_artifact(name: &str, bytes: u64) -> SavedArtifact {
    SavedArtifact { sha256: Some("0123456789abcdef".repeat(4)), ..artifact(name, bytes) }
}

pub(super) fn message(key: &str) -> NewMessage {
    NewMessage {
        channel: "email".into(),
        key: key.into(),
        recipient: "supplier@example.com".into(),
        subject: "restock".into(),
        content_type: "text/plain".into(),
        body: format!("body of {key}"),
    }
}

/// The store as two processes have it.
pub(super) fn two(open: &Open) -> [Arc<dyn TaskStore>; 2] {
    [open(), open()]
}

/// A store with the verbs that most cases need.
pub(super) struct Kit {
    pub(super) store: Arc<dyn TaskStore>,
}

impl Kit {
    pub(super) fn new(open: &Open) -> Self {
        Self { store: open() }
    }

    pub(super) async fn submit(&self, task: NewTask) -> TaskId {
        let id = task.id;
        let submitted = self.store.submit(task).await.unwrap();
        assert!(!submitted.deduplicated);
        assert_eq!(submitted.task.id, id);
        id
    }

    /// Claims up to `limit` tasks of type `export`.
    pub(super) async fn claim(&self, now: Timestamp, limit: u32) -> Vec<Claimed> {
        self.store.claim(request(now, limit, vec![serve("export", None)])).await.unwrap()
    }

    /// Claims the one task of type `export` that is queued.
    pub(super) async fn claim_one(&self, now: Timestamp) -> Claimed {
        let mut claimed = self.claim(now, 2).await;
        assert_eq!(claimed.len(), 1, "one task should be queued");
        claimed.remove(0)
    }

    /// Submits a task of type `export` and claims it.
    pub(super) async fn running(&self) -> Claimed {
        self.submit(new_task()).await;
        self.claim_one(at(1)).await
    }

    pub(super) async fn get(&self, id: TaskId) -> Task {
        self.store.get(None, id).await.unwrap().unwrap()
    }

    pub(super) async fn state(&self, id: TaskId) -> TaskState {
        self.get(id).await.state
    }

    /// Ends an attempt that holds its lease.
    pub(super) async fn finish(&self, finish: Finish) -> TaskState {
        match self.store.finish(finish).await.unwrap() {
            FinishAnswer::Recorded(state) => state,
            FinishAnswer::Fenced => panic!("the attempt holds its lease"),
        }
    }

    /// Saves for an attempt that holds its lease.
    pub(super) async fn save(&self, attempt: AttemptRef, save: Save) {
        let answer = self.store.save(attempt, save).await.unwrap();
        assert_eq!(answer, SaveAnswer::Saved { cancel_requested: false });
    }

    /// Fails the task's running attempt for good.
    pub(super) async fn fail(&self, attempt: AttemptRef, now: Timestamp) {
        let state = self.finish(end(attempt, now, failure(Code::JobFailed), Next::End)).await;
        assert_eq!(state, TaskState::Failed);
    }

    pub(super) async fn retry(&self, id: TaskId, now: Timestamp) {
        assert_eq!(self.store.retry(None, id, now).await.unwrap(), RetryAnswer::Queued);
    }
}
