//! When a job type fails so often that new work is better refused than added to the failures.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Code, FailureWindow, Share, Timestamp};

/// Opens when too many of a job type's attempts fail: new work is refused and waiting work waits. After a pause one
/// attempt is let through; its end closes the breaker, or opens it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerPolicy {
    /// Share of failed attempts, from 0 to 1, from which on it opens.
    pub failure_rate: Share,
    /// Attempts that must have ended within the window before their share says anything.
    pub min_attempts: u32,
    /// Attempts are counted over so long, and then anew, in milliseconds.
    pub window_ms: u64,
    /// How long it stays open, in milliseconds.
    pub open_ms: u64,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { failure_rate: Share::new(0.5), min_attempts: 20, window_ms: 60_000, open_ms: 30_000 }
    }
}

/// What a breaker remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerState {
    /// The attempts that ended.
    pub window: FailureWindow,
    /// Until when it is open, and from when on it is tried; none while it is closed.
    pub open_until: Option<Timestamp>,
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Everything.
    Closed,
    /// One attempt at a time, until one ends.
    HalfOpen,
    /// Nothing before this time.
    Open(Timestamp),
}

impl BreakerState {
    /// What is let through now.
    pub fn gate(&self, now: Timestamp) -> Gate {
        match self.open_until {
            None => Gate::Closed,
            // An opening that lies ahead is that of a clock that was ahead: how long it has been open, nobody knows.
            Some(until) if until > now && self.window.started_at <= now => Gate::Open(until),
            Some(_) => Gate::HalfOpen,
        }
    }
}

impl BreakerPolicy {
    /// The state once another attempt has ended. Attempts that began before the breaker opened and end meanwhile say
    /// nothing new.
    #[must_use]
    pub fn after(&self, state: BreakerState, failed: bool, now: Timestamp) -> BreakerState {
        match state.gate(now) {
            Gate::Open(_) => state,
            Gate::HalfOpen if failed => self.opened(now),
            Gate::HalfOpen => BreakerState { window: FailureWindow::beginning(now), open_until: None },
            Gate::Closed => {
                let is_over = state.window.is_over(Duration::from_millis(self.window_ms), now);
                let window = if is_over { FailureWindow::beginning(now) } else { state.window }.with(failed);
                if failed && window.reaches(self.failure_rate, self.min_attempts) {
                    self.opened(now)
                } else {
                    BreakerState { window, open_until: None }
                }
            }
        }
    }

    fn opened(&self, now: Timestamp) -> BreakerState {
        let open_until = Some(now.after(Duration::from_millis(self.open_ms)));
        BreakerState { window: FailureWindow::beginning(now), open_until }
    }
}

impl Code {
    /// Whether a failure with this code speaks against its job type, rather than against what its caller asked for.
    pub const fn counts_against_job_type(self) -> bool {
        !matches!(self, Self::InvalidInput | Self::DeadlineExceeded) && !self.is_fault_of_the_machine()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000 + ms)
    }

    fn policy() -> BreakerPolicy {
        BreakerPolicy { failure_rate: Share::new(0.5), min_attempts: 4, window_ms: 1_000, open_ms: 100 }
    }

    fn after(ends: &[(i64, bool)]) -> BreakerState {
        ends.iter()
            .fold(BreakerState::default(), |state, (ms, failed)| policy().after(state, *failed, at(*ms)))
    }

    #[test]
    fn it_opens_when_enough_attempts_failed() {
        assert_eq!(after(&[(0, true), (1, true), (2, true)]).gate(at(2)), Gate::Closed, "too few to tell");
        assert_eq!(after(&[(0, true), (1, false), (2, false), (3, false)]).gate(at(3)), Gate::Closed);
        let open = after(&[(0, true), (1, false), (2, false), (3, true)]);
        assert_eq!(open.gate(at(3)), Gate::Open(at(103)));
        assert_eq!(open.gate(at(103)), Gate::HalfOpen);
    }

    #[test]
    fn counting_begins_anew_with_each_window() {
        let state = after(&[(0, true), (1, true), (2, true), (1_000, true)]);
        assert_eq!((state.window.attempts, state.window.failures), (1, 1));
    }

    #[test]
    fn one_attempt_decides_whether_it_closes() {
        let open = after(&[(0, true), (1, true), (2, true), (3, true)]);
        let still_open = policy().after(open, false, at(50));
        assert_eq!(still_open, open, "an attempt that began before says nothing new");
        assert_eq!(policy().after(open, false, at(103)).gate(at(103)), Gate::Closed);
        assert_eq!(policy().after(open, true, at(110)).gate(at(110)), Gate::Open(at(210)));
    }

    proptest! {
        /// Whatever happens, it is open for no longer than it should be, and opens only for failures.
        #[test]
        fn it_never_stays_open(ends in prop::collection::vec((0_i64..400, any::<bool>()), 1..100)) {
            let (mut now, mut state) = (0, BreakerState::default());
            for (wait, failed) in ends {
                now += wait;
                let next = policy().after(state, failed, at(now));
                if let Gate::Open(until) = next.gate(at(now)) {
                    prop_assert!(until <= at(now + 100));
                    prop_assert!(failed || next == state);
                }
                state = next;
            }
        }
    }
}
