//! Whether a file still is what was recorded of it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use longshore_domain::{FileError, Look, SavedArtifact};
use sha2::{Digest, Sha256};

use super::layout::at;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Fails when the file at `path` is not the artifact.
pub(super) fn check(path: &Path, artifact: &SavedArtifact, look: Look) -> io::Result<()> {
    let bytes = fs::metadata(path).map_err(|error| at("read the artifact", path, &error))?.len();
    if bytes != artifact.bytes {
        return Err(wrong_length(path, bytes, artifact));
    }
    match look {
        Look::Length => Ok(()),
        Look::Content => check_content(path, artifact),
    }
}

fn check_content(path: &Path, artifact: &SavedArtifact) -> io::Result<()> {
    let failed = |error: io::Error| at("read the artifact", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut digest, mut length) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return check_sum(path, artifact, length, &digest);
        }
        digest.update(&piece[..read]);
        length += read as u64;
    }
}

/// The bytes of the file at `path`, which must be the artifact's.
pub(super) fn read(path: &Path, artifact: &SavedArtifact) -> io::Result<Vec<u8>> {
    check(path, artifact, Look::Length)?;
    let bytes = fs::read(path).map_err(|error| at("read the artifact", path, &error))?;
    check_sum(path, artifact, bytes.len() as u64, &Sha256::new_with_prefix(&bytes))?;
    Ok(bytes)
}

/// Fails when `length` and `digest`, which are those of the file at `path`, are not what was recorded.
pub(super) fn check_sum(
    path: &Path,
    artifact: &SavedArtifact,
    length: u64,
    digest: &Sha256,
) -> io::Result<()> {
    if length != artifact.bytes {
        return Err(wrong_length(path, length, artifact));
    }
    let Some(recorded) = &artifact.sha256 else { return Ok(()) };
    if format!("{:x}", digest.clone().finalize()) != *recorded {
        return Err(damaged(path, "its bytes are not those that were recorded (SHA-256)"));
    }
    Ok(())
}

fn wrong_length(path: &Path, bytes: u64, artifact: &SavedArtifact) -> io::Error {
    damaged(path, &format!("it has {bytes} bytes, but {} were recorded", artifact.bytes))
}

/// The error of a file that is not what was recorded.
pub(super) fn damaged(path: &Path, how: &str) -> io::Error {
    FileError::new("the artifact", path, format!(" is damaged: {how}")).of_kind(io::ErrorKind::InvalidData)
}
