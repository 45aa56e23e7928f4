//! How often attempts may start.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// So many attempts may start a second, over all processes that share the store, and a few more at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RateLimit {
    /// Time from one start to the next, in microseconds.
    interval_us: i64,
    /// Starts at once after a pause.
    burst: u32,
}

/// How a limit is written in a policy.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    per_second: f64,
    #[serde(default = "one")]
    burst: u32,
}

const fn one() -> u32 {
    1
}

/// Slowest rate: one start a day.
const INTERVAL_US_MAX: f64 = 86_400e6;
/// Most starts at once; more would be no limit.
const BURST_MAX: u32 = 1_000_000;

impl TryFrom<Written> for RateLimit {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { per_second, burst } = written;
        let interval_us = (1e6 / per_second).round();
        if !(1.0..=INTERVAL_US_MAX).contains(&interval_us) {
            return Err(format!("per_second is {per_second}; it is from 0.0000116 (once a day) to 1000000"));
        }
        if !(1..=BURST_MAX).contains(&burst) {
            return Err(format!("burst is {burst}; it is from 1 to {BURST_MAX}"));
        }
        Ok(Self { interval_us: interval_us as i64, burst })
    }
}

impl From<RateLimit> for Written {
    fn from(limit: RateLimit) -> Self {
        Self { per_second: 1e6 / limit.interval_us as f64, burst: limit.burst }
    }
}

/// What has been used of a rate limit: a point in time that each start moves on by the interval, and that is never
/// further ahead than the burst. (The generic cell rate algorithm of ATM, which needs one number where a bucket of
/// tokens needs two.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// That point, in microseconds since the Unix epoch.
    pub until_us: i64,
}

impl RateLimit {
    /// A limit of `per_second` starts with `burst` at once; none for a rate that is no rate.
    pub fn new(per_second: f64, burst: u32) -> Option<Self> {
        Self::try_from(Written { per_second, burst }).ok()
    }

    /// How many may start now.
    pub fn allows(&self, spent: Spent, now: Timestamp) -> u32 {
        let now_us = us(now);
        let free_us = now_us + self.burst_us() - self.sane(spent, now_us).max(now_us);
        u32::try_from((free_us / self.interval_us).max(0)).unwrap_or(u32::MAX)
    }

    /// What is used when `starts` more have started now.
    pub fn spend(&self, spent: Spent, now: Timestamp, starts: u32) -> Spent {
        let now_us = us(now);
        let until_us = self.sane(spent, now_us).max(now_us) + i64::from(starts) * self.interval_us;
        Spent { until_us }
    }

    /// When the next may start.
    pub fn next_start(&self, spent: Spent, now: Timestamp) -> Timestamp {
        let now_us = us(now);
        let at_us = (self.sane(spent, now_us) + self.interval_us - self.burst_us()).max(now_us);
        Timestamp::from_ms(at_us.div_euclid(1_000) + i64::from(at_us.rem_euclid(1_000) > 0))
    }

    fn burst_us(&self) -> i64 {
        i64::from(self.burst) * self.interval_us
    }

    /// A point further ahead than the burst comes from a clock that was ahead, or from another limit: it must not hold
    /// up work for longer than the burst does.
    fn sane(&self, spent: Spent, now_us: i64) -> i64 {
        spent.until_us.min(now_us + self.burst_us())
    }
}

fn us(time: Timestamp) -> i64 {
    time.ms().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000 + ms)
    }

    #[test]
    fn a_burst_may_start_at_once_and_then_one_an_interval() {
        let limit = RateLimit::new(10.0, 3).unwrap();
        assert_eq!(limit.allows(Spent::default(), at(0)), 3);
        let spent = limit.spend(Spent::default(), at(0), 3);
        assert_eq!((limit.allows(spent, at(0)), limit.next_start(spent, at(0))), (0, at(100)));
        assert_eq!(limit.allows(spent, at(99)), 0);
        assert_eq!(limit.allows(spent, at(100)), 1);
        assert_eq!(limit.allows(spent, at(250)), 2);
        assert_eq!(limit.allows(spent, at(60_000)), 3, "a pause saves no more than the burst");
    }

    #[test]
    fn a_clock_that_was_ahead_holds_up_no_longer_than_the_burst() {
        let limit = RateLimit::new(2.0, 4).unwrap();
        let spent = limit.spend(Spent::default(), at(3_600_000), 4);
        assert_eq!(limit.allows(spent, at(0)), 0);
        assert_eq!(limit.next_start(spent, at(0)), at(500));
    }

    #[test]
    fn it_is_written_as_a_rate_and_a_burst() {
        let limit: RateLimit = serde_json::from_str(r#"{"per_second": 0.5}"#).unwrap();
        assert_eq!(limit, RateLimit::new(0.5, 1).unwrap());
        assert_eq!(serde_json::to_string(&limit).unwrap(), r#"{"per_second":0.5,"burst":1}"#);
        for wrong in [
            r#"{"per_second": 0}"#,
            r#"{"per_second": -1}"#,
            r#"{"per_second": 1e9}"#,
            r#"{"per_second": 1, "burst": 0}"#,
            r#"{"burst": 2}"#,
        ] {
            assert!(serde_json::from_str::<RateLimit>(wrong).is_err(), "{wrong} was taken");
        }
    }

    proptest! {
        /// Over any sequence of looks, no window of time sees more starts than its share and one burst.
        #[test]
        fn no_window_has_more_than_its_share_and_a_burst(
            per_second in 0.1_f64..500.0,
            burst in 1_u32..50,
            looks in prop::collection::vec((0_i64..2_000, 0_u32..100), 1..60),
        ) {
            let limit = RateLimit::new(per_second, burst).unwrap();
            let (mut now, mut spent) = (0, Spent::default());
            let mut starts: Vec<(i64, u32)> = Vec::new();
            for (wait, wanted) in looks {
                now += wait;
                let started = wanted.min(limit.allows(spent, at(now)));
                spent = limit.spend(spent, at(now), started);
                starts.push((now, started));
                for (index, (from, _)) in starts.iter().enumerate() {
                    let in_window: u32 = starts[index..].iter().map(|(_, started)| started).sum();
                    let share = (now - from) as f64 * 1e3 / limit.interval_us as f64;
                    prop_assert!(f64::from(in_window) <= share + f64::from(burst) + 1e-6);
                }
            }
        }

        /// When the next start comes, it is allowed, and not a millisecond earlier.
        #[test]
        fn the_next_start_is_the_first_that_is_allowed(
            per_second in 0.01_f64..5_000.0,
            burst in 1_u32..20,
            started in 0_u32..20,
        ) {
            let limit = RateLimit::new(per_second, burst).unwrap();
            let spent = limit.spend(Spent::default(), at(0), started.min(burst));
            let next = limit.next_start(spent, at(0));
            prop_assert!(limit.allows(spent, next) >= 1);
            if next > at(0) {
                prop_assert_eq!(limit.allows(spent, Timestamp::from_ms(next.ms() - 1)), 0);
            }
        }
    }
}
