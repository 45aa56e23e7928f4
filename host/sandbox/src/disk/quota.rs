//! How much an attempt may have in its own folder.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::failure::{Ended, LimitsOf};

/// Bytes that each file, folder and link counts for beside what is in it.
const ENTRY_BYTES: u64 = 4_096;

/// What is deleted makes room if so much of the limit is free then: one sixteenth. Otherwise a guest could have the host
/// measure a full folder for each few bytes that it deletes.
const FREE_SHARE: u64 = 16;

/// Counts what is written to a folder.
#[derive(Debug)]
pub(crate) struct Quota {
    folder: PathBuf,
    bytes_max: u64,
    /// What a guest is told that goes beyond.
    exceeded: Ended,
    /// What is in the folder at most.
    used: Mutex<u64>,
}

impl Quota {
    pub(crate) fn new(folder: PathBuf, limits: LimitsOf<'_>) -> Self {
        let bytes_max = limits.limits.scratch_bytes_max;
        let exceeded =
            limits.exceeded("the job wrote more bytes to /tmp than it may", bytes_max, "scratch_bytes_max");
        Self { folder, bytes_max, exceeded, used: Mutex::default() }
    }

    /// Counts an entry that is about to be made.
    pub(crate) fn entry(&self) -> Result<(), Ended> {
        self.bytes(ENTRY_BYTES)
    }

    /// Counts bytes that are about to be written; an error if there is no room for them.
    pub(crate) fn bytes(&self, bytes: u64) -> Result<(), Ended> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        let sum = sum(*used).or_else(|| {
            let measured = measure(&self.folder);
            let is_free = measured <= self.bytes_max - self.bytes_max / FREE_SHARE;
            if is_free { sum(measured) } else { None }
        });
        *used = sum.ok_or_else(|| self.exceeded.clone())?;
        Ok(())
    }
}

/// Bytes of all that is in a folder. What cannot be looked at counts as if there were room for nothing else.
fn measure(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return u64::MAX };
    let of_entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let Ok(entry) = entry else { return u64::MAX };
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => ENTRY_BYTES.saturating_add(measure(&entry.path())),
            Ok(metadata) => ENTRY_BYTES.saturating_add(on_disk(&metadata)),
            Err(_) => u64::MAX,
        }
    };
    entries.map(of_entry).fold(0, u64::saturating_add)
}

/// A file may have holes, which take no room.
#[cfg(unix)]
fn on_disk(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata).saturating_mul(512)
}

#[cfg(not(unix))]
fn on_disk(metadata: &std::fs::Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use longshore_domain::Limits;

    use super::*;

    #[test]
    fn what_is_deleted_makes_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { scratch_bytes_max: 100_000, ..Limits::default() };
        let quota = Quota::new(folder.path().to_owned(), LimitsOf { job: Some("x"), limits: &limits });
        let file = folder.path().join("file");
        quota.entry().unwrap();
        quota.bytes(90_000).unwrap();
        std::fs::write(&file, vec![0; 90_000]).unwrap();
        let Err(Ended::Failed(failure)) = quota.bytes(20_000) else { panic!("there was room") };
        assert!(failure.message.contains("100000 (limits.scratch_bytes_max in x.toml)"), "{failure:?}");
        std::fs::remove_file(&file).unwrap();
        quota.bytes(20_000).unwrap();
        quota.bytes(80_000).unwrap();
        quota.bytes(100_000).unwrap();
        assert!(quota.bytes(100_001).is_err() && quota.bytes(u64::MAX).is_err());
    }

    #[test]
    fn names_and_folders_count_too() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { scratch_bytes_max: 10 * ENTRY_BYTES, ..Limits::default() };
        let quota = Quota::new(folder.path().to_owned(), LimitsOf { job: Some("x"), limits: &limits });
        for number in 0..10 {
            quota.entry().unwrap();
            std::fs::create_dir_all(folder.path().join(format!("a/{number}"))).unwrap();
        }
        assert!(quota.entry().is_err());
    }
}
