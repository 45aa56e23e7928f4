//! Finds what an attempt saved, also where its folder is gone: the database may be an older one, restored from a backup,
//! whose task has gone on since. Later attempts, and what was published, begin with the same bytes.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use longshore_domain::{AttemptRef, SavedArtifact};
use sha2::{Digest, Sha256};

use super::layout::Layout;

const PIECE_BYTES: usize = 256 * 1024;

/// The file that has what `attempt` saved of an artifact. Where it is nowhere, where it should be.
pub(crate) fn source(layout: &Layout, attempt: AttemptRef, artifact: &SavedArtifact) -> PathBuf {
    let own = layout.work_of_attempt(attempt).join(&artifact.name);
    if own.exists() {
        return own;
    }
    elsewhere(layout, attempt, artifact).unwrap_or(own)
}

/// Another file of the task that begins with what was saved.
pub(crate) fn elsewhere(layout: &Layout, attempt: AttemptRef, artifact: &SavedArtifact) -> Option<PathBuf> {
    let attempts = fs::read_dir(layout.work_of_task(attempt.task)).into_iter().flatten().flatten();
    let folders = attempts.map(|entry| entry.path()).chain([layout.published(attempt.task)]);
    folders
        .map(|folder| folder.join(&artifact.name))
        .find(|path| begins_with(path, artifact).unwrap_or(false))
}

/// Whether the file begins with the bytes that were saved, as far as a digest says so.
pub(crate) fn begins_with(path: &Path, artifact: &SavedArtifact) -> io::Result<bool> {
    let Some(recorded) = &artifact.sha256 else { return Ok(false) };
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() || about.len() < artifact.bytes {
        return Ok(false);
    }
    let mut file = File::open(path)?.take(artifact.bytes);
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("{:x}", digest.finalize()) == *recorded),
            read => digest.update(&piece[..read]),
        }
    }
}
