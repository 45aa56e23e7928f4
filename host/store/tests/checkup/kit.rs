//! A folder with a database and files, jobs as the host leaves them, and hands that do damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longshore_domain::{
    ArtifactFiles, ArtifactRecord, AttemptFiles, AttemptRef, CheckpointStore, ClaimRequest, Code,
    ComponentSha, Failure, Finish, FinishAnswer, JobTypeClaim, KeptSlots, NewMessage, NewTask, Next, Outcome,
    Owner, Progress, Save, TaskId, TaskState, TaskStore, Timestamp, Unpublished, Usage, WorkerId,
};
use longshore_store::checkup::{Checkup, FindingCode, Fixed, Report};
use longshore_store::{LocalFiles, SqliteStore, StoreOptions};

/// The time `ms` milliseconds after the tests begin.
pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + ms)
}

/// When checkups are made: within the leases, and long after tasks have ended.
pub(crate) const LATER: i64 = 600_000;

/// When the leases end.
pub(crate) const LEASE_UNTIL: i64 = 1_000_000;

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Option<Arc<SqliteStore>>,
    pub(crate) files: LocalFiles,
}

impl Place {
    /// A new folder with a store that is open.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = LocalFiles::new(folder.path());
        let mut place = Self { folder, store: None, files };
        place.open();
        place
    }

    pub(crate) fn open(&mut self) {
        self.store = Some(SqliteStore::open(self.database(), StoreOptions::default()).unwrap());
    }

    /// Closes the store: the database is one whole file then.
    pub(crate) fn close(&mut self) {
        self.store = None;
    }

    pub(crate) fn store(&self) -> &SqliteStore {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("tasks.db")
    }

    pub(crate) fn published(&self, task: TaskId) -> PathBuf {
        self.folder.path().join("artifacts").join(task.to_string())
    }

    pub(crate) fn work(&self, task: TaskId) -> PathBuf {
        self.folder.path().join("work").join(task.to_string())
    }

    pub(crate) fn work_of(&self, attempt: AttemptRef) -> PathBuf {
        self.work(attempt.task).join(attempt.number.to_string())
    }

    pub(crate) fn checkup(&self, deep: bool) -> Checkup {
        Checkup { database: self.database(), files: self.folder.path().into(), deep, now: at(LATER) }
    }

    pub(crate) fn examine(&self) -> Report {
        tell(&self.checkup(false))
    }

    pub(crate) fn examine_deep(&self) -> Report {
        tell(&self.checkup(true))
    }

    pub(crate) fn fix(&self) -> Fixed {
        self.checkup(false).fix(&mut |_| {})
    }

    /// Runs SQL with everything off that would keep it from doing damage.
    pub(crate) fn sql(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON")
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    pub(crate) async fn submit(&self) -> TaskId {
        let id = TaskId::random();
        let task = NewTask {
            id,
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: "{}".into(),
            idempotency_key: None,
            priority: 0,
            created_at: at(0),
            run_at: None,
            is_delayed: false,
            deadline_at: None,
            ttl_ms: 86_400_000,
            callback: None,
        };
        self.store().submit(task).await.unwrap();
        id
    }

    pub(crate) async fn schedule(&self) -> TaskId {
        let id = self.submit().await;
        let attempt = self.claim().await;
        assert_eq!(attempt.task, id);
        let failure = Outcome::Failed(Failure::new(Code::JobRetry, "later"));
        self.end(attempt, failure, Next::RetryAt(at(5_000_000)), Vec::new()).await;
        id
    }

    /// Claims the one task that is queued.
    pub(crate) async fn claim(&self) -> AttemptRef {
        let job_type = JobTypeClaim {
            name: "export".parse().unwrap(),
            component: ComponentSha::new("sha"),
            concurrency: None,
            rate: None,
            has_breaker: false,
        };
        let request = ClaimRequest {
            worker: WorkerId::new("worker"),
            now: at(1),
            lease_until: at(LEASE_UNTIL),
            limit: 1,
            kept: KeptSlots::default(),
            job_types: vec![job_type],
        };
        self.store().claim(request).await.unwrap().remove(0).attempt
    }

    pub(crate) async fn running(&self) -> AttemptRef {
        self.submit().await;
        self.claim().await
    }

    /// The files of an attempt, with one in it.
    pub(crate) fn write(&self, attempt: AttemptRef) -> Box<dyn AttemptFiles> {
        let mut files = self.files.open_attempt(attempt, None).unwrap();
        let handle = files.open("orders.csv", "text/csv").unwrap();
        files.write(handle, b"one,two\n1,2\n").unwrap();
        files
    }

    pub(crate) async fn save(&self, attempt: AttemptRef, files: &mut dyn AttemptFiles) {
        let save = Save {
            at: at(2),
            state: b"state".to_vec(),
            progress: Progress::default(),
            artifacts: files.sync().unwrap(),
            messages: Vec::new(),
        };
        self.store().save(attempt, save).await.unwrap();
    }

    async fn end(
        &self,
        attempt: AttemptRef,
        outcome: Outcome,
        next: Next,
        artifacts: Vec<longshore_domain::SavedArtifact>,
    ) {
        let finish = Finish {
            attempt,
            at: at(3),
            outcome,
            next,
            usage: Usage { fuel: 1, memory_bytes: 1 },
            progress: Progress::default(),
            artifacts,
            messages: vec![message("supplier")],
            recovery: None,
        };
        assert!(matches!(self.store().finish(finish).await.unwrap(), FinishAnswer::Recorded(_)));
    }

    pub(crate) async fn fail(&self, attempt: AttemptRef) {
        self.end(attempt, Outcome::Failed(Failure::new(Code::JobFailed, "no")), Next::End, Vec::new()).await;
        assert_eq!(self.store().get(None, attempt.task).await.unwrap().unwrap().state, TaskState::Failed);
    }

    /// Completes a task, and leaves its files where they are.
    pub(crate) async fn complete_only(
        &self,
        attempt: AttemptRef,
        files: &mut dyn AttemptFiles,
    ) -> Unpublished {
        let artifacts = files.seal().unwrap();
        self.end(attempt, Outcome::Completed { result: "{}".into() }, Next::End, artifacts.clone()).await;
        let artifacts = artifacts
            .into_iter()
            .map(|artifact| ArtifactRecord { artifact, attempt: attempt.number })
            .collect();
        Unpublished { task: attempt.task, attempt: attempt.number, artifacts }
    }

    /// A completed task with one artifact in its final place.
    pub(crate) async fn completed(&self) -> TaskId {
        let attempt = self.running().await;
        let unpublished = self.complete_only(attempt, &mut *self.write(attempt)).await;
        self.files.publish(&unpublished).unwrap();
        self.store().mark_published(attempt.task).await.unwrap();
        attempt.task
    }
}

pub(crate) fn message(key: &str) -> NewMessage {
    NewMessage {
        channel: "email".into(),
        key: key.into(),
        recipient: "supplier@example.com".into(),
        subject: "restock".into(),
        content_type: "text/plain".into(),
        body: "body".into(),
    }
}

/// What a checkup finds, but for what it says of this machine's disk.
pub(crate) fn tell(checkup: &Checkup) -> Report {
    let mut report = checkup.examine(&mut |_| {});
    report.findings.retain(|finding| finding.code != FindingCode::DiskLow);
    report
}

pub(crate) fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// All files and folders below, as paths from there, sorted.
pub(crate) fn tree(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                walk(&path, root, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}
