//! A sandbox to run guests in, with a store and files that remember what they were told.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use longshore_domain::{
    ArtifactFiles, AttemptFiles, AttemptRef, CheckpointStore, Claimed, Clock, Code, Failure, LiveProgress,
    LoadedJob, LogLine, Look, NewMessage, Owner, Policy, RunOutcome, RunReport, RunRequest, Save, SaveAnswer,
    SavedArtifact, SavedCheckpoint, SentMessages, StopSignal, StoreError, TaskId, Timestamp, Unpublished,
};
use longshore_guest_build::{Toolchain, build};
use longshore_sandbox::{Sandbox, SandboxOptions, load_plugin};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// When everything in these tests happens.
pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_772_323_200_000);

/// The component of that guest.
pub(crate) fn guest(name: &str) -> PathBuf {
    static GUESTS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let guests = GUESTS.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
        let toolchain = Toolchain::find().unwrap_or_else(|error| panic!("{error}"));
        let guests = build(&workspace, &toolchain).unwrap_or_else(|error| panic!("{error}"));
        guests.into_iter().map(|guest| (guest.name, guest.component)).collect()
    });
    guests.get(name).unwrap_or_else(|| panic!("there is no guest {name}")).clone()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Compiled guests, kept between runs of the tests.
pub(crate) fn cache_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-code")
}

struct Standstill;

impl Clock for Standstill {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A store that remembers, and answers as it is told.
#[derive(Default)]
pub(crate) struct FakeStore {
    pub(crate) saves: Mutex<Vec<Save>>,
    pub(crate) lines: Mutex<Vec<LogLine>>,
    pub(crate) sent: Mutex<SentMessages>,
    pub(crate) answer: Mutex<Option<Result<SaveAnswer, StoreError>>>,
}

#[async_trait]
impl CheckpointStore for FakeStore {
    async fn save(&self, _: AttemptRef, save: Save) -> Result<SaveAnswer, StoreError> {
        let answer = self.answer.lock().unwrap().clone();
        if !matches!(answer, Some(Err(_) | Ok(SaveAnswer::Fenced))) {
            let mut sent = self.sent.lock().unwrap();
            sent.keys.extend(save.messages.iter().map(|message| message.key.clone()));
            sent.bytes += save.messages.iter().map(NewMessage::bytes).sum::<u64>();
            self.saves.lock().unwrap().push(save);
        }
        answer.unwrap_or(Ok(SaveAnswer::Saved { cancel_requested: false }))
    }

    async fn append_log(&self, _: TaskId, lines: Vec<LogLine>) -> Result<(), StoreError> {
        self.lines.lock().unwrap().extend(lines);
        Ok(())
    }

    async fn sent_messages(&self, _: TaskId) -> Result<SentMessages, StoreError> {
        Ok(self.sent.lock().unwrap().clone())
    }
}

/// Artifact files in a folder, one folder an attempt.
pub(crate) struct FakeFiles {
    pub(crate) folder: PathBuf,
    pub(crate) full: Mutex<bool>,
    /// Numbers of the attempts whose files were cut back.
    pub(crate) abandoned: Mutex<Vec<u32>>,
}

impl ArtifactFiles for FakeFiles {
    fn open_attempt(
        &self,
        attempt: AttemptRef,
        resume: Option<(u32, &[SavedArtifact])>,
    ) -> io::Result<Box<dyn AttemptFiles>> {
        let folder = self.folder.join(attempt.number.to_string());
        fs::create_dir(&folder)?;
        let mut files = FakeAttempt { folder, open: Vec::new(), full: *self.full.lock().unwrap() };
        if let Some((from, saved)) = resume {
            for artifact in saved {
                let old = self.folder.join(from.to_string()).join(&artifact.name);
                let bytes = fs::read(old)?[..artifact.bytes as usize].to_vec();
                let handle = files.open(&artifact.name, &artifact.media_type)?;
                files.write(handle, &bytes)?;
            }
        }
        Ok(Box::new(files))
    }

    fn abandon(&self, attempt: AttemptRef, _: &[SavedArtifact]) -> io::Result<()> {
        self.abandoned.lock().unwrap().push(attempt.number);
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

    fn read(&self, _: TaskId, artifact: &SavedArtifact) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(&artifact.name))
    }

    fn path(&self, _: TaskId, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

struct FakeAttempt {
    folder: PathBuf,
    open: Vec<(String, String, File, u64)>,
    full: bool,
}

impl FakeAttempt {
    fn list(&self, sha256: Option<&str>) -> Vec<SavedArtifact> {
        let artifact = |(name, media_type, _, bytes): &(String, String, File, u64)| SavedArtifact {
            name: name.clone(),
            media_type: media_type.clone(),
            bytes: *bytes,
            sha256: sha256.map(ToOwned::to_owned),
        };
        self.open.iter().map(artifact).collect()
    }
}

impl AttemptFiles for FakeAttempt {
    fn open(&mut self, name: &str, media_type: &str) -> io::Result<usize> {
        if let Some(known) = self.open.iter().position(|(other, ..)| other == name) {
            return Ok(known);
        }
        let file = OpenOptions::new().append(true).create(true).open(self.folder.join(name))?;
        self.open.push((name.into(), media_type.into(), file, 0));
        Ok(self.open.len() - 1)
    }

    fn position(&self, handle: usize) -> u64 {
        self.open[handle].3
    }

    fn write(&mut self, handle: usize, bytes: &[u8]) -> io::Result<()> {
        if self.full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let (_, _, file, length) = &mut self.open[handle];
        *length += bytes.len() as u64;
        file.write_all(bytes)
    }

    fn clear(&mut self, handle: usize) -> io::Result<()> {
        let (_, _, file, length) = &mut self.open[handle];
        *length = 0;
        file.set_len(0)
    }

    fn totals(&self) -> (u32, u64) {
        (self.open.len() as u32, self.open.iter().map(|(.., bytes)| bytes).sum())
    }

    fn sync(&mut self) -> io::Result<Vec<SavedArtifact>> {
        Ok(self.list(None))
    }

    fn seal(&mut self) -> io::Result<Vec<SavedArtifact>> {
        Ok(self.list(Some("sealed")))
    }

    fn drop_earlier(&mut self) -> io::Result<()> {
        let own: u32 = self.folder.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap();
        for earlier in 1..own {
            let _ = fs::remove_dir_all(self.folder.with_file_name(earlier.to_string()));
        }
        Ok(())
    }
}

/// A sandbox and what is around it.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) files: Arc<FakeFiles>,
    pub(crate) sandbox: Sandbox,
    pub(crate) policy: Policy,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// A bed whose options `change` has had a look at; it is given the bed's folder too.
    pub(crate) fn with(change: impl FnOnce(&Path, &mut SandboxOptions)) -> Self {
        assert!(longshore_sandbox::limit_memory_of_queries(), "SQLite was in use already");
        let folder = tempfile::tempdir().unwrap();
        let mut options = SandboxOptions {
            max_instances: 4,
            cache_dir: Some(cache_dir()),
            channels: ["email".to_owned()].into(),
            ..SandboxOptions::default()
        };
        change(folder.path(), &mut options);
        let store = Arc::new(FakeStore::default());
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        let files =
            Arc::new(FakeFiles { folder: files, full: Mutex::new(false), abandoned: Mutex::default() });
        let sandbox =
            Sandbox::new(options, Arc::clone(&store) as _, Arc::clone(&files) as _, Arc::new(Standstill))
                .unwrap();
        Self { folder, store, files, sandbox, policy: Policy::default() }
    }

    pub(crate) async fn job(&self, name: &str) -> Arc<LoadedJob> {
        load_plugin(&self.sandbox, &guest(name), &self.policy, None)
            .await
            .unwrap_or_else(|problem| panic!("{problem:?}"))
    }

    pub(crate) async fn run(&self, name: &str, input: &Value) -> RunReport {
        self.run_attempt(name, input, 1, None, &Arc::default()).await
    }

    pub(crate) async fn run_attempt(
        &self,
        name: &str,
        input: &Value,
        number: u32,
        checkpoint: Option<SavedCheckpoint>,
        stop: &Arc<StopSignal>,
    ) -> RunReport {
        let job = self.job(name).await;
        let request = request(&job, input, number, checkpoint, stop);
        job.program.run(request).await
    }

    /// What the guest `probe` answers to these calls.
    pub(crate) async fn probe(&self, calls: Value) -> Value {
        let report = self.run("probe", &serde_json::json!({"calls": calls})).await;
        serde_json::from_str(&completed(&report)).unwrap()
    }

    /// How the guest `probe` fails on these calls.
    pub(crate) async fn probe_fails(&self, calls: Value) -> Failure {
        failed(self.run("probe", &serde_json::json!({"calls": calls})).await)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.store.lines.lock().unwrap().iter().map(|line| line.message.clone()).collect()
    }

    /// What an attempt that follows attempt `number` is given to resume from.
    pub(crate) fn checkpoint(&self, number: u32) -> Option<SavedCheckpoint> {
        let saves = self.store.saves.lock().unwrap();
        let last = saves.last()?;
        Some(SavedCheckpoint {
            attempt: number,
            saves: saves.len() as u32,
            state: last.state.clone(),
            is_sound: true,
            progress: last.progress.clone(),
            artifacts: last.artifacts.clone(),
            messages: saves.iter().map(|save| save.messages.len() as u32).sum(),
        })
    }
}

pub(crate) fn request(
    job: &Arc<LoadedJob>,
    input: &Value,
    number: u32,
    checkpoint: Option<SavedCheckpoint>,
    stop: &Arc<StopSignal>,
) -> RunRequest {
    RunRequest {
        claimed: Claimed {
            attempt: AttemptRef { task: TaskId::from_bytes([7; 16]), number },
            owner: Owner::local(),
            job_type: job.job_type.name.clone(),
            payload: input.to_string(),
            created_at: NOW,
            queued_at: NOW,
            attempts_counted: number - 1,
            first_started_at: NOW,
            deadline_at: None,
            checkpoint,
        },
        job: Arc::clone(job),
        progress: Arc::new(LiveProgress::default()),
        stop: Arc::clone(stop),
    }
}

pub(crate) fn completed(report: &RunReport) -> String {
    match &report.outcome {
        RunOutcome::Completed(result) => result.clone(),
        other => panic!("it did not complete: {other:?}"),
    }
}

pub(crate) fn failed(report: RunReport) -> Failure {
    match report.outcome {
        RunOutcome::Failed(failure) => failure,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// Demands a failure of that code whose message contains all of `parts`.
pub(crate) fn assert_failure(failure: &Failure, code: Code, parts: &[&str]) {
    assert_eq!(failure.code, code, "{failure:?}");
    for part in parts {
        assert!(failure.message.contains(part), "{:?} does not say {part:?}", failure.message);
    }
}
