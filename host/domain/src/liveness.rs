//! Which workers have ended, where the operating system knows.

use crate::WorkerId;

/// Reports workers whose process has ended, long before their leases expire.
///
/// A wrong report costs an attempt, not its effects: whatever a worker writes is guarded by its attempt number.
pub trait WorkerLiveness: Send + Sync {
    /// Workers whose process has certainly ended and that have not been forgotten. It may read files.
    fn gone(&self) -> Vec<WorkerId>;

    /// Forgets a worker that is gone, once nothing is left that it held.
    fn forget(&self, worker: &WorkerId);
}

/// Knows of nobody. What a worker held is recovered when its lease expires.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeasesOnly;

impl WorkerLiveness for LeasesOnly {
    fn gone(&self) -> Vec<WorkerId> {
        Vec::new()
    }

    fn forget(&self, _worker: &WorkerId) {}
}
