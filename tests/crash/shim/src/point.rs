//! The call at which this process is to die.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::change::Kind;

/// When, seen from the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    /// With half of the bytes written; for other calls the same as before.
    During,
    After,
}

/// The N-th call of a kind.
pub(crate) struct Point {
    kind: Kind,
    moment: Moment,
    nth: u64,
    seen: AtomicU64,
}

impl Point {
    pub(crate) fn new(kind: Kind, moment: Moment, nth: u64) -> Self {
        Self { kind, moment, nth, seen: AtomicU64::new(0) }
    }

    /// Counts a call, and says at which moment of it this process is to die, if at all.
    pub(crate) fn count(&self, kind: Kind) -> Option<Moment> {
        if kind != self.kind {
            return None;
        }
        let nth = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        (nth == self.nth).then_some(self.moment)
    }
}

/// Ends this process as `kill -9` does.
pub(crate) fn die() -> ! {
    loop {
        // SAFETY: the call takes numbers only. It does not return; should it be slow about that, it is repeated.
        unsafe {
            libc::syscall(libc::SYS_kill, libc::syscall(libc::SYS_getpid), libc::SIGKILL);
        }
    }
}
