//! How much an attempt may write to its own folder.

use std::sync::{Mutex, PoisonError};

use crate::failure::{Ended, LimitsOf};

/// Bytes that each file, folder, link, and each place at which a file is written to counts for beside what is written: a
/// block of the disk.
const BLOCK_BYTES: u64 = 4_096;

/// Folders that a guest lists at once; each list is in the host's memory.
const LISTINGS_MAX: u32 = 16;

/// Counts what is written to a folder. What is deleted does not make room again: a file that is deleted while it is open is
/// still on the disk, and nobody outside of the system can tell when it is not.
#[derive(Debug)]
pub(crate) struct Quota {
    bytes_max: u64,
    /// Files, folders and links. The host deletes them one by one, and lists a folder in one piece.
    entries_max: u32,
    /// What a guest is told that goes beyond the bytes, and beyond the entries.
    exceeded: Ended,
    too_many: Ended,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    entries: u32,
    /// Which descriptor was written to last by position, and where that ended.
    last: Option<(u32, u64)>,
}

impl Quota {
    pub(crate) fn new(limits: LimitsOf<'_>) -> Self {
        let bytes_max = limits.limits.scratch_bytes_max;
        let exceeded =
            limits.exceeded("the job wrote more bytes to /tmp than it may", bytes_max, "scratch_bytes_max");
        let entries_max = limits.limits.scratch_entries_max;
        let what = "the job made more files, folders and links in /tmp than it may";
        let too_many = limits.exceeded(what, entries_max.into(), "scratch_entries_max");
        Self { bytes_max, entries_max, exceeded, too_many, used: Mutex::default() }
    }

    /// Counts an entry that is about to be made.
    pub(crate) fn entry(&self) -> Result<(), Ended> {
        let mut used = self.lock();
        if used.entries >= self.entries_max {
            return Err(self.too_many.clone());
        }
        used.entries += 1;
        self.add(&mut used, BLOCK_BYTES)
    }

    /// Counts a place at which writing is about to begin.
    pub(crate) fn place(&self) -> Result<(), Ended> {
        self.bytes(BLOCK_BYTES)
    }

    /// Counts bytes that are about to be written; an error if there is no room for them.
    pub(crate) fn bytes(&self, bytes: u64) -> Result<(), Ended> {
        self.add(&mut self.lock(), bytes)
    }

    /// Counts bytes that are about to be written at a place of a file. One that goes on where the last one ended is no new
    /// place.
    pub(crate) fn bytes_at(&self, descriptor: u32, offset: u64, bytes: u64) -> Result<(), Ended> {
        let mut used = self.lock();
        let goes_on = used.last == Some((descriptor, offset));
        used.last = Some((descriptor, offset.saturating_add(bytes)));
        let place = if goes_on { 0 } else { BLOCK_BYTES };
        self.add(&mut used, bytes.saturating_add(place))
    }

    fn add(&self, used: &mut Used, bytes: u64) -> Result<(), Ended> {
        let sum = used.bytes.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        used.bytes = sum.ok_or_else(|| self.exceeded.clone())?;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the folders that a guest lists at once.
#[derive(Debug, Default)]
pub(crate) struct Listings(u32);

impl Listings {
    pub(crate) fn begin(&mut self) -> Result<(), Ended> {
        if self.0 >= LISTINGS_MAX {
            let message = format!("the job lists more folders at once than it may: {LISTINGS_MAX}");
            return Err(Ended::failed(longshore_domain::Code::LimitExceeded, message));
        }
        self.0 += 1;
        Ok(())
    }

    pub(crate) fn end(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use longshore_domain::Limits;

    use super::*;

    fn quota(scratch_bytes_max: u64) -> Quota {
        let limits = Limits { scratch_bytes_max, ..Limits::default() };
        Quota::new(LimitsOf { job: Some("x"), limits: &limits })
    }

    #[test]
    fn what_is_written_counts_and_the_limit_names_itself() {
        let quota = quota(10_000);
        quota.bytes(9_000).unwrap();
        let Err(Ended::Failed(failure)) = quota.bytes(1_001) else { panic!("there was room") };
        assert!(failure.message.contains("10000 (limits.scratch_bytes_max in x.toml)"), "{failure:?}");
        quota.bytes(1_000).unwrap();
        assert!(quota.bytes(u64::MAX).is_err());
    }

    #[test]
    fn each_place_takes_a_block() {
        let sparse = quota(10 * BLOCK_BYTES);
        let written = (0..100_000).take_while(|number| sparse.bytes_at(1, number * 8_192, 1).is_ok()).count();
        assert_eq!(written, 9);
        let dense = quota(10 * BLOCK_BYTES);
        let written = (0..100_000).take_while(|number| dense.bytes_at(1, *number, 1).is_ok()).count();
        assert_eq!(written as u64, 9 * BLOCK_BYTES);
    }

    #[test]
    fn names_count_too() {
        let few = quota(10 * BLOCK_BYTES);
        assert_eq!((0..100_000).take_while(|_| few.entry().is_ok()).count(), 10);
        let limits = Limits { scratch_entries_max: 7, ..Limits::default() };
        let many = Quota::new(LimitsOf { job: Some("x"), limits: &limits });
        assert_eq!((0..100_000).take_while(|_| many.entry().is_ok()).count(), 7);
        let Err(Ended::Failed(failure)) = many.entry() else { panic!("there was room") };
        assert!(failure.message.contains("7 (limits.scratch_entries_max in x.toml)"), "{failure:?}");
    }
}
