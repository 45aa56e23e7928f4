//! One artifact that is written: gathers bytes, hashes them as they come, and brings them to disk when asked.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use longshore_domain::{FileError, SavedArtifact};
use sha2::{Digest, Sha256};

use super::check::{check_sum, damaged};
use super::layout::at;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// An artifact that is written to.
pub(super) struct ArtifactFile {
    pub(super) name: String,
    media_type: String,
    path: PathBuf,
    /// None while nobody writes to it.
    file: Option<File>,
    gathered: Vec<u8>,
    /// All bytes, those gathered included.
    length: u64,
    digest: Sha256,
    /// Whether there is something that may not be on disk.
    dirty: bool,
    /// Whether bytes were written since the file was last brought to disk.
    written: bool,
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
            file: Some(file),
            gathered: Vec::new(),
            length: 0,
            digest: Sha256::new(),
            dirty: true,
            written: false,
            broken: false,
        })
    }

    /// A new file in `folder` with what `saved` recorded of the file `source`. It is a copy: an earlier attempt that
    /// stalled may still write to its own file.
    pub(super) fn copy(folder: &Path, source: &Path, saved: &SavedArtifact) -> io::Result<Self> {
        let file = File::open(source).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged(source, "it is gone, but was recorded as saved"),
            _ => at("resume the artifact", source, &error),
        })?;
        let mut reader = file.take(saved.bytes);
        let mut copy = Self::create(folder, &saved.name, &saved.media_type)?;
        let mut chunk = vec![0; BUFFER_BYTES.min(usize::try_from(saved.bytes).unwrap_or(BUFFER_BYTES))];
        loop {
            let read = reader.read(&mut chunk).map_err(|error| at("resume the artifact", source, &error))?;
            if read == 0 {
                break;
            }
            copy.write(&chunk[..read])?;
        }
        check_sum(source, saved, copy.length, &copy.digest)?;
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

    /// Empties the file.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.refuse_if_broken()?;
        let cleared = self.file().and_then(|mut file| {
            file.set_len(0)?;
            // A new file is not opened for appending, and its cursor is where it was.
            file.rewind()
        });
        self.broken = cleared.is_err();
        cleared.map_err(|error| at("empty the artifact", &self.path, &error))?;
        self.gathered.clear();
        self.length = 0;
        self.digest = Sha256::new();
        self.dirty = true;
        self.written = true;
        Ok(())
    }

    /// Brings everything written so far to disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        if self.dirty {
            self.sync_file()?;
            self.dirty = false;
        }
        // Between saves an artifact may rest for long; its buffer should not.
        self.gathered = Vec::new();
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Gives the file back to the system until it is needed again. What is gathered stays gathered.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.written {
            // An error that the system finds later would be told only to those who have the file open.
            self.sync_file()?;
        }
        self.file = None;
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

    fn sync_file(&mut self) -> io::Result<()> {
        let synced = self.file().and_then(File::sync_data);
        // A file whose sync failed may have lost bytes that a second sync would not miss.
        self.broken |= synced.is_err();
        synced.map_err(|error| at("sync the artifact", &self.path, &error))?;
        self.written = false;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        self.put(&gathered)?;
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }

    fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        }
        self.file.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn refuse_if_broken(&self) -> io::Result<()> {
        if !self.broken {
            return Ok(());
        }
        let error = FileError::new("an earlier write of the artifact", &self.path, " failed");
        Err(error.of_kind(io::ErrorKind::Other))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.refuse_if_broken()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let put = self.file().and_then(|mut file| file.write_all(bytes));
        self.broken = put.is_err();
        self.written = true;
        put.map_err(|error| at("write the artifact", &self.path, &error))
    }
}
