//! One artifact that is written: gathers bytes, hashes them as they come, and brings them to disk when asked.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use longshore_domain::{FileError, SavedArtifact};
use sha2::{Digest, Sha256};

use super::check::{check_sum, damaged};
use super::layout::at;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// An artifact that is open.
pub(super) struct ArtifactFile {
    pub(super) name: String,
    media_type: String,
    path: PathBuf,
    file: File,
    gathered: Vec<u8>,
    /// All bytes, those gathered included.
    length: u64,
    digest: Sha256,
    /// Whether something was written that may not be on disk.
    dirty: bool,
    /// Whether a write failed, after which nobody knows what the file holds.
    broken: bool,
}

impl ArtifactFile {
    /// A new, empty file in `folder`.
    pub(super) fn create(folder: &Path, name: &str, media_type: &str) -> io::Result<Self> {
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(|error| at("create the artifact", &path, &error))?;
        Ok(Self {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            path,
            file,
            gathered: Vec::new(),
            length: 0,
            digest: Sha256::new(),
            dirty: true,
            broken: false,
        })
    }

    /// A new file in `folder` with what `saved` recorded of the file in `from`. It is a copy: an earlier attempt that
    /// stalled may still write to its own file.
    pub(super) fn copy(folder: &Path, from: &Path, saved: &SavedArtifact) -> io::Result<Self> {
        let source = from.join(&saved.name);
        let file = File::open(&source).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged(&source, "it is gone, but was recorded as saved"),
            _ => at("resume the artifact", &source, &error),
        })?;
        let mut reader = file.take(saved.bytes);
        let mut copy = Self::create(folder, &saved.name, &saved.media_type)?;
        let mut chunk = vec![0; BUFFER_BYTES.min(usize::try_from(saved.bytes).unwrap_or(BUFFER_BYTES))];
        loop {
            let read = reader.read(&mut chunk).map_err(|error| at("resume the artifact", &source, &error))?;
            if read == 0 {
                break;
            }
            copy.write(&chunk[..read])?;
        }
        check_sum(&source, saved, copy.length, &copy.digest)?;
        Ok(copy)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes at the end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.gathered.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.put(bytes)?;
        } else {
            self.gathered.extend_from_slice(bytes);
        }
        self.dirty = true;
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Brings everything written so far to disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        if self.dirty {
            // A file whose sync failed may have lost bytes that a second sync would not miss.
            let synced = self.file.sync_data();
            self.broken |= synced.is_err();
            synced.map_err(|error| at("sync the artifact", &self.path, &error))?;
            self.dirty = false;
        }
        // Between saves an artifact may rest for long; its buffer should not.
        self.gathered = Vec::new();
        Ok(())
    }

    /// The artifact as it is to be recorded.
    pub(super) fn record(&self) -> SavedArtifact {
        SavedArtifact {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            bytes: self.length,
            sha256: Some(format!("{:x}", self.digest.clone().finalize())),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        self.put(&gathered)?;
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.broken {
            let error = FileError::new("an earlier write of the artifact", &self.path, " failed");
            return Err(error.of_kind(io::ErrorKind::Other));
        }
        let put = self.file.write_all(bytes);
        self.broken = put.is_err();
        put.map_err(|error| at("write the artifact", &self.path, &error))
    }
}
