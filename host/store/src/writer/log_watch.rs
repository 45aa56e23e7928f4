//! Warns when the write-ahead log grows without an end.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::log_readers::{LOG_BYTES_MAX, readers};

const LOOK: Duration = Duration::from_secs(10);
/// How often a log that stays long is told of.
const REMIND: Duration = Duration::from_secs(600);

/// Looks at the log's length from time to time.
#[derive(Debug)]
pub(super) struct LogWatch {
    next: Instant,
}

impl LogWatch {
    pub(super) fn new() -> Self {
        Self { next: Instant::now() + LOOK }
    }

    /// Looks, if it is time to. `bytes` says how long the log of the database at `path` is.
    pub(super) fn look(&mut self, path: &Path, bytes: impl FnOnce() -> u64) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let bytes = bytes();
        self.next = now + if bytes > LOG_BYTES_MAX { REMIND } else { LOOK };
        if bytes > LOG_BYTES_MAX {
            let readers = readers(path).join(", ");
            tracing::warn!(
                mebibytes = bytes >> 20,
                readers,
                "the write-ahead log of the task database grows: a program reads an old state of it and does not end"
            );
        }
    }
}
