//! How often something may happen.

use std::time::Duration;

use crate::Timestamp;

/// At most so many a second on average, and so many at once.
///
/// This is a token bucket in the form of the generic cell rate algorithm: all there is to keep is one point in time, at
/// which the bucket would be full again. So a store can keep it in one column, for all processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    interval_us: i64,
    burst: u32,
}

/// What a [`RateLimit`] lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many.
    pub count: u32,
    /// What to keep until the next time, in microseconds since the Unix epoch.
    pub full_at_us: i64,
    /// When the next one is let through, where fewer were than wanted.
    pub next_at: Option<Timestamp>,
}

impl RateLimit {
    /// Slowest rate that is kept: one an hour.
    pub const PER_SECOND_MIN: f64 = 1.0 / 3_600.0;

    /// `per_second` on average, brought into one an hour to a million a second, and `burst` (at least one) at once.
    pub fn new(per_second: f64, burst: u32) -> Self {
        let per_second = per_second.clamp(Self::PER_SECOND_MIN, 1e6);
        Self { interval_us: ((1e6 / per_second).round() as i64).max(1), burst: burst.max(1) }
    }

    /// Takes up to `wanted` at `now`, where `full_at_us` is what was kept from the last time.
    pub fn take(self, full_at_us: Option<i64>, now: Timestamp, wanted: u32) -> Taken {
        let now_us = now.ms().saturating_mul(1_000);
        let whole_us = self.interval_us.saturating_mul(i64::from(self.burst));
        let empty_us = now_us.saturating_add(whole_us);
        // What was kept is brought into what can be: a clock that was set back must not close the bucket for as long.
        let full_at_us = full_at_us.unwrap_or(now_us).max(now_us).min(empty_us);
        let free = (empty_us - full_at_us) / self.interval_us;
        let count = wanted.min(u32::try_from(free).unwrap_or(u32::MAX));
        let full_at_us = full_at_us + self.interval_us * i64::from(count);
        let next_at = (count < wanted).then(|| {
            let free_us = full_at_us + self.interval_us - whole_us;
            // Rounded up: a millisecond too early would find nothing.
            Timestamp::from_ms(free_us.saturating_add(999).div_euclid(1_000)).max(now)
        });
        Taken { count, full_at_us, next_at }
    }

    /// The time from one to the next on average.
    pub const fn interval(self) -> Duration {
        Duration::from_micros(self.interval_us as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000 + ms)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let rate = RateLimit::new(10.0, 3);
        let first = rate.take(None, at(0), 5);
        assert_eq!((first.count, first.next_at), (3, Some(at(100))));
        let early = rate.take(Some(first.full_at_us), at(99), 5);
        assert_eq!((early.count, early.next_at), (0, Some(at(100))));
        let second = rate.take(Some(early.full_at_us), at(100), 5);
        assert_eq!((second.count, second.next_at), (1, Some(at(200))));
        let rested = rate.take(Some(second.full_at_us), at(60_000), 2);
        assert_eq!((rested.count, rested.next_at), (2, None));
    }

    #[test]
    fn a_clock_that_is_set_back_closes_nothing() {
        let rate = RateLimit::new(1.0, 2);
        let before = rate.take(None, at(3_600_000), 2);
        let after = rate.take(Some(before.full_at_us), at(0), 1);
        assert_eq!((after.count, after.next_at), (0, Some(at(1_000))));
    }

    proptest! {
        #[test]
        fn no_more_than_the_burst_and_the_rate_goes_through(
            per_second in 0.1_f64..5_000.0, burst in 1_u32..50,
            steps in proptest::collection::vec((0_i64..2_000, 0_u32..60), 1..60),
        ) {
            let rate = RateLimit::new(per_second, burst);
            let (mut kept, mut now, mut total) = (None, 0, 0_u64);
            for (pause, wanted) in steps {
                now += pause;
                let taken = rate.take(kept, at(now), wanted);
                kept = Some(taken.full_at_us);
                total += u64::from(taken.count);
                if let Some(next) = taken.next_at {
                    prop_assert!(next > at(now));
                    prop_assert_eq!(rate.take(kept, next, 1).count, 1);
                }
            }
            let most = f64::from(burst) + now as f64 * 1_000.0 / rate.interval().as_micros() as f64;
            prop_assert!(total as f64 <= most + 1e-6, "{total} of {most}");
        }
    }
}
