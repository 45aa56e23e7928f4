//! The artifacts of a running attempt.
//!
//! What a guest writes is gathered into large pieces, and each piece is written by a blocking thread while the guest
//! goes on. A guest that writes faster than the disk waits for its piece before.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use longshore_domain::{
    ArtifactFiles, AttemptFiles, AttemptRef, Code, Failure, FileError, RunRequest, SavedArtifact,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::failure::{Ended, with_full};
use crate::sandbox::Shared;

/// Bytes that are gathered before they are written.
const PIECE_BYTES: usize = 128 * 1024;

/// The artifacts of an attempt. Nothing touches the disk before the first is opened.
pub(crate) struct Artifacts {
    folder: Arc<dyn ArtifactFiles>,
    attempt: AttemptRef,
    resume: Option<(u32, Vec<SavedArtifact>)>,
    files: Files,
    names: BTreeSet<String>,
    /// Length of each artifact by its handle, what waits to be written included.
    lengths: BTreeMap<usize, u64>,
    /// Length of all artifacts together.
    bytes: u64,
    /// Handles of those that the next save has to bring to disk.
    written: BTreeSet<usize>,
    /// Bytes to be added to the artifact with that handle.
    gathered: Option<(usize, Vec<u8>)>,
    earlier_to_drop: bool,
    /// What the last save of this attempt recorded.
    kept: Vec<SavedArtifact>,
    /// What a save that nobody has answered yet is to record.
    asked: Option<Vec<SavedArtifact>>,
    /// What a blocking thread does, or did last.
    doing: &'static str,
}

/// The files, if they are still of use, and how a piece of work on them went.
type Worked = (Option<Box<dyn AttemptFiles>>, io::Result<()>);

/// Where the files are.
enum Files {
    /// Not opened yet.
    Closed,
    Open(Box<dyn AttemptFiles>),
    /// With a blocking thread, until it is done with a piece of work. It gives them back if they are still of use.
    Lent(JoinHandle<Worked>),
    /// An operation failed or was given up half-way, so the attempt is over.
    Lost,
}

impl Artifacts {
    pub(crate) fn new(shared: &Shared, request: &RunRequest) -> Self {
        let attempt = request.claimed.attempt;
        let saved = request.claimed.checkpoint.as_ref();
        let resume = saved
            .filter(|saved| !saved.artifacts.is_empty())
            .map(|saved| (saved.attempt, saved.artifacts.clone()));
        let listed = || resume.iter().flat_map(|(_, artifacts)| artifacts);
        Self {
            folder: Arc::clone(&shared.files),
            attempt,
            names: listed().map(|artifact| artifact.name.clone()).collect(),
            bytes: listed().map(|artifact| artifact.bytes).sum(),
            written: BTreeSet::new(),
            resume,
            files: Files::Closed,
            lengths: BTreeMap::new(),
            gathered: None,
            earlier_to_drop: attempt.number > 1,
            kept: Vec::new(),
            asked: None,
            doing: "open an artifact",
        }
    }

    /// Whether the task has artifacts, from this attempt or an earlier one.
    pub(crate) fn any(&self) -> bool {
        !self.names.is_empty()
    }

    /// How many artifacts the task has.
    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether the task has an artifact of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Bytes of all artifacts together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many artifacts the next save has to bring to disk.
    pub(crate) fn written(&self) -> u32 {
        u32::try_from(self.written.len()).unwrap_or(u32::MAX)
    }

    /// Bytes of one artifact.
    pub(crate) fn length(&self, handle: usize) -> u64 {
        self.lengths.get(&handle).copied().unwrap_or(0)
    }

    /// Opens an artifact and gives its handle.
    pub(crate) async fn open(&mut self, name: String, media_type: String) -> Result<usize, Ended> {
        self.names.insert(name.clone());
        let opened = move |files: &mut dyn AttemptFiles| {
            let handle = files.open(&name, &media_type)?;
            Ok((handle, files.position(handle)))
        };
        let (handle, length) = self.with("open an artifact", opened).await?;
        // One that is open already may have bytes that wait to be written.
        self.lengths.entry(handle).or_insert_with(|| {
            self.written.insert(handle);
            length
        });
        Ok(handle)
    }

    /// Adds bytes at the end of an artifact.
    pub(crate) async fn write(&mut self, handle: usize, bytes: Vec<u8>) -> Result<(), Ended> {
        self.bytes += bytes.len() as u64;
        self.written.insert(handle);
        *self.lengths.entry(handle).or_default() += bytes.len() as u64;
        if self.gathered.as_ref().is_some_and(|(other, _)| *other != handle) {
            self.send_off().await?;
        }
        match &mut self.gathered {
            Some((_, gathered)) => gathered.extend_from_slice(&bytes),
            None => self.gathered = Some((handle, bytes)),
        }
        if self.gathered.as_ref().is_some_and(|(_, gathered)| gathered.len() >= PIECE_BYTES) {
            self.send_off().await?;
        }
        Ok(())
    }

    /// Whether a save of this attempt recorded artifacts, or may have.
    pub(crate) fn has_saved(&self) -> bool {
        self.asked.is_some() || !self.kept.is_empty()
    }

    /// Empties an artifact. Only before a save of this attempt recorded it: a next attempt resumes from that save.
    pub(crate) async fn clear(&mut self, handle: usize) -> Result<(), Ended> {
        if self.gathered.as_ref().is_some_and(|(gathered, _)| *gathered == handle) {
            self.gathered = None;
        }
        self.with("empty an artifact", move |files| files.clear(handle)).await?;
        self.bytes -= self.lengths.insert(handle, 0).unwrap_or(0);
        self.written.insert(handle);
        Ok(())
    }

    /// Brings everything to disk and lists it, to be recorded by a save.
    pub(crate) async fn sync(&mut self) -> Result<Vec<SavedArtifact>, Ended> {
        if !self.any() {
            return Ok(Vec::new());
        }
        self.send_off().await?;
        let listed = self.with("bring the artifacts to disk", |files| files.sync()).await?;
        self.written.clear();
        self.asked = Some(listed.clone());
        Ok(listed)
    }

    /// As `sync`, with digests; nothing is written afterwards.
    pub(crate) async fn seal(&mut self) -> Result<Vec<SavedArtifact>, Ended> {
        if !self.any() {
            return Ok(Vec::new());
        }
        self.send_off().await?;
        self.with("finish the artifacts", |files| files.seal()).await
    }

    /// Notes that a save is durable: what earlier attempts left is not needed any more.
    pub(crate) async fn saved(&mut self) {
        if let Some(listed) = self.asked.take() {
            self.kept = listed;
        }
        if !self.any() || !std::mem::take(&mut self.earlier_to_drop) {
            return;
        }
        let attempt = self.attempt;
        // Left-overs cost disk space only; they are deleted with the task at the latest.
        let drop_earlier = move |files: &mut dyn AttemptFiles| {
            if let Err(error) = files.drop_earlier() {
                tracing::warn!(task = %attempt.task, "files of an earlier attempt were not deleted: {error}");
            }
            Ok(())
        };
        if let Err(error) = self.with("delete files of an earlier attempt", drop_earlier).await {
            tracing::warn!(task = %attempt.task, "{error}");
        }
    }

    /// Notes that a save recorded nothing.
    pub(crate) fn not_saved(&mut self) {
        self.asked = None;
    }

    /// Deletes what the attempt wrote and no save covers, now that it has come to nothing. It does not wait for a disk
    /// that is still busy with what the attempt wrote last; what a save recorded of which nobody knows whether it
    /// happened stays.
    pub(crate) async fn abandon(mut self) {
        if matches!(self.files, Files::Closed) {
            return;
        }
        let is_busy = matches!(&self.files, Files::Lent(working) if !working.is_finished());
        let cleaning = async move {
            // How it went makes no difference any more.
            let _ = self.settle().await;
            let Self { folder, attempt, kept, asked, files, .. } = self;
            drop(files);
            let kept = asked.unwrap_or(kept);
            let cleaned = tokio::task::spawn_blocking(move || folder.abandon(attempt, &kept)).await;
            if let Ok(Err(error)) = cleaned {
                tracing::warn!(job_id = %attempt.task, attempt = attempt.number, "files of an attempt that is over stay: {error}");
            }
        };
        if is_busy {
            tokio::spawn(cleaning);
        } else {
            cleaning.await;
        }
    }

    /// Calls `work` with the files on a blocking thread, after whatever is under way.
    async fn with<T: Send + 'static>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&mut dyn AttemptFiles) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Ended> {
        self.settle().await?;
        let opened = match std::mem::replace(&mut self.files, Files::Lost) {
            Files::Open(files) => Some(files),
            Files::Closed => None,
            Files::Lent(_) | Files::Lost => return Err(over()),
        };
        let (folder, attempt, resume) = (Arc::clone(&self.folder), self.attempt, self.resume.clone());
        let (answer, answered) = oneshot::channel();
        self.doing = doing;
        self.files = Files::Lent(tokio::task::spawn_blocking(move || {
            let opened = opened.map_or_else(
                || {
                    folder
                        .open_attempt(attempt, resume.as_ref().map(|(from, saved)| (*from, saved.as_slice())))
                },
                Ok,
            );
            let done = opened.and_then(|mut files| {
                let value = work(files.as_mut())?;
                Ok((files, value))
            });
            match done {
                Ok((files, value)) => {
                    // Nobody waits for it when the attempt was given up meanwhile.
                    let _ = answer.send(value);
                    (Some(files), Ok(()))
                }
                Err(error) => (None, Err(error)),
            }
        }));
        self.settle().await?;
        answered.await.map_err(|_| over())
    }

    /// Hands what is gathered to a blocking thread.
    async fn send_off(&mut self) -> Result<(), Ended> {
        self.settle().await?;
        let Some((handle, bytes)) = self.gathered.take() else { return Ok(()) };
        let Files::Open(mut files) = std::mem::replace(&mut self.files, Files::Lost) else {
            return Err(over());
        };
        self.doing = "write an artifact";
        self.files = Files::Lent(tokio::task::spawn_blocking(move || {
            let written = files.write(handle, &bytes);
            (Some(files), written)
        }));
        Ok(())
    }

    /// Waits for what a blocking thread does.
    async fn settle(&mut self) -> Result<(), Ended> {
        let Files::Lent(working) = &mut self.files else { return Ok(()) };
        let worked = working.await;
        let (files, done) = worked.unwrap_or_else(|error| (None, Err(io::Error::other(error))));
        self.files = files.map_or(Files::Lost, Files::Open);
        done.map_err(|error| failed(self.doing, &error))
    }
}

fn over() -> Ended {
    Ended::failed(Code::HostError, "the artifacts of this attempt were given up after an error")
}

fn failed(doing: &str, error: &io::Error) -> Ended {
    let (code, advice) = match error.kind() {
        io::ErrorKind::StorageFull => {
            (Code::StorageFull, "; the disk is full: make room, and the job goes on by itself")
        }
        io::ErrorKind::QuotaExceeded => {
            (Code::StorageFull, "; the disk quota is used up: make room, and the job goes on by itself")
        }
        io::ErrorKind::InvalidData => {
            (Code::ArtifactCorrupt, "; what was saved of this job cannot be gone on with: submit it again")
        }
        // Mistakes of the host's own.
        io::ErrorKind::InvalidInput | io::ErrorKind::Other => (Code::HostError, ""),
        _ => (Code::StorageFailed, ""),
    };
    let told = FileError::told_of(error);
    let failure = Failure::new(code, format!("the host could not {doing}: {told}{advice}"));
    Ended::Failed(with_full(failure, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_names_the_file_and_its_detail_the_path() {
        let error = FileError::new("cannot write the artifact", "/srv/shop/data/files/1/x.csv", ": no room")
            .of_kind(io::ErrorKind::StorageFull);
        let Ended::Failed(failure) = failed("write an artifact", &error) else { panic!("it was no stop") };
        assert!(failure.message.contains("…/x.csv: no room"), "{failure:?}");
        assert!(!failure.message.contains("/home"), "a client is told the message: {failure:?}");
        assert!(failure.detail.is_some_and(|detail| detail.contains("/srv/shop/data/files/1/x.csv")));
    }
}
