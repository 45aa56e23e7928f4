//! The sandbox, with a store and files that keep nothing: neither is what is measured here.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use longshore_domain::{
    ArtifactFiles, AttemptFiles, AttemptRef, CheckpointStore, Claimed, Clock, LiveProgress, LoadedJob,
    LogLine, Look, Owner, Policy, RunOutcome, RunRequest, Save, SaveAnswer, SavedArtifact, SentMessages,
    StoreError, TaskId, Timestamp, Unpublished,
};
use longshore_sandbox::{Sandbox, SandboxOptions, load_plugin};

pub(crate) struct Product(Sandbox);

impl Product {
    pub(crate) fn new(max_instances: u32) -> Self {
        let options = SandboxOptions { max_instances, ..SandboxOptions::default() };
        Self(Sandbox::new(options, Arc::new(Nothing), Arc::new(Nothing), Arc::new(Nothing)).unwrap())
    }

    pub(crate) async fn load(&self, component: &Path) -> Arc<LoadedJob> {
        load_plugin(&self.0, component, &Policy::default(), None).await.unwrap()
    }

    /// Runs an attempt, and gives its result.
    pub(crate) async fn run(&self, job: &Arc<LoadedJob>, input: &str) -> String {
        match job.program.run(request(job, input)).await.outcome {
            RunOutcome::Completed(result) => result,
            other => panic!("it did not complete: {other:?}"),
        }
    }
}

pub(crate) fn request(job: &Arc<LoadedJob>, input: &str) -> RunRequest {
    RunRequest {
        claimed: Claimed {
            attempt: AttemptRef { task: TaskId::from_bytes([7; 16]), number: 1 },
            owner: Owner::local(),
            job_type: job.job_type.name.clone(),
            payload: input.to_owned(),
            created_at: Timestamp::default(),
            queued_at: Timestamp::default(),
            attempts_counted: 0,
            first_started_at: Timestamp::default(),
            deadline_at: None,
            checkpoint: None,
        },
        job: Arc::clone(job),
        progress: Arc::new(LiveProgress::default()),
        stop: Arc::default(),
    }
}

struct Nothing;

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}

#[async_trait]
impl CheckpointStore for Nothing {
    async fn save(&self, _: AttemptRef, _: Save) -> Result<SaveAnswer, StoreError> {
        Ok(SaveAnswer::Saved { cancel_requested: false })
    }

    async fn append_log(&self, _: TaskId, _: Vec<LogLine>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn sent_messages(&self, _: TaskId) -> Result<SentMessages, StoreError> {
        Ok(SentMessages::default())
    }
}

impl ArtifactFiles for Nothing {
    fn open_attempt(
        &self,
        _: AttemptRef,
        _: Option<(u32, &[SavedArtifact])>,
    ) -> io::Result<Box<dyn AttemptFiles>> {
        Err(io::Error::other("nothing here makes files"))
    }

    fn abandon(&self, _: AttemptRef, _: &[SavedArtifact]) -> io::Result<()> {
        Ok(())
    }

    fn publish(&self, _: &Unpublished) -> io::Result<()> {
        Ok(())
    }

    fn discard(&self, _: TaskId) -> io::Result<()> {
        Ok(())
    }

    fn check(&self, _: TaskId, _: &SavedArtifact, _: Look) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, _: TaskId, _: &SavedArtifact) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn path(&self, _: TaskId, name: &str) -> PathBuf {
        name.into()
    }
}
