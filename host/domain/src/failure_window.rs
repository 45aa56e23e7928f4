//! How many of a job type's attempts fail.

use std::time::Duration;

use crate::{Share, Timestamp};

/// Attempts that ended within a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureWindow {
    /// When counting began.
    pub started_at: Timestamp,
    /// Attempts that ended since.
    pub attempts: u32,
    /// Those of them that failed.
    pub failures: u32,
}

impl FailureWindow {
    /// A window in which nothing has ended yet.
    pub fn beginning(now: Timestamp) -> Self {
        Self { started_at: now, ..Self::default() }
    }

    /// Whether an attempt that ends now is counted anew, because counting began `length` ago or more. A beginning in
    /// the future is that of a clock that was ahead.
    pub fn is_over(&self, length: Duration, now: Timestamp) -> bool {
        now < self.started_at || now.since(self.started_at) >= length
    }

    /// With one more attempt that ended.
    #[must_use]
    pub fn with(self, failed: bool) -> Self {
        Self {
            attempts: self.attempts.saturating_add(1),
            failures: self.failures.saturating_add(u32::from(failed)),
            ..self
        }
    }

    /// Whether so large a share of the attempts failed, of so many at least.
    pub fn reaches(&self, rate: Share, min_attempts: u32) -> bool {
        self.attempts >= min_attempts && f64::from(self.failures) >= rate.get() * f64::from(self.attempts)
    }
}
