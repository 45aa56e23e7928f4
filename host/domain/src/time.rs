//! Points in time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `ms` milliseconds after the Unix epoch.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The point as RFC 3339 in UTC, to the millisecond.
    pub fn rfc3339(self) -> String {
        // A time that jiff cannot hold is tens of thousands of years away; its bare number still says which.
        jiff::Timestamp::from_millisecond(self.0)
            .map_or_else(|_| self.0.to_string(), |time| format!("{time:.3}"))
    }

    /// The point `later` after this one, saturating at the end of time.
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this point is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// How far ahead a time may be that somebody noted, before it is taken for that of a clock that has been set back since.
pub const CLOCK_SLACK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_later_point_is_as_much_later_until_time_ends(ms in any::<i64>(), later in any::<u64>()) {
            let at = Timestamp::from_ms(ms);
            let then = at.after(Duration::from_millis(later));
            prop_assert!(then >= at);
            // No span is longer than the half of time that a signed number counts.
            let later = i64::try_from(later).unwrap_or(i64::MAX);
            prop_assert_eq!(then.ms(), ms.saturating_add(later));
            prop_assert_eq!(at.since(then), Duration::ZERO);
        }

        #[test]
        fn a_span_is_never_negative(one in any::<i64>(), other in any::<i64>()) {
            let span = Timestamp::from_ms(one).since(Timestamp::from_ms(other)).as_millis();
            let exact = (i128::from(one) - i128::from(other)).clamp(0, i128::from(i64::MAX));
            prop_assert_eq!(span as i128, exact);
        }
    }
}
