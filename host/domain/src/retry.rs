//! When a failed task is tried again. The formula and the names are those of Google Cloud Tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use share::Share;

/// The longest wait that a job may ask for.
const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How often, and how far apart, a task is tried again.
///
/// A task is given up only when **both** `max_attempts` are used and `max_retry_duration_ms` (where set) is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Attempts, the first one included. At least 1.
    pub max_attempts: u32,
    /// Time since the first attempt during which a task is tried again even when `max_attempts` are used.
    pub max_retry_duration_ms: u64,
    /// Wait before the first retry.
    pub min_backoff_ms: u64,
    /// Longest wait.
    pub max_backoff_ms: u64,
    /// How often the wait doubles before it grows by equal steps.
    pub max_doublings: u32,
    /// Share of the wait, from 0 to 1, that is taken off at random, so that tasks that failed together do not come
    /// back together.
    pub jitter: Share,
    /// Whether a trap is tried again; most traps would only trap again.
    pub retry_traps: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            max_retry_duration_ms: 0,
            min_backoff_ms: 1_000,
            max_backoff_ms: 300_000,
            max_doublings: 5,
            jitter: Share::new(0.2),
            retry_traps: false,
        }
    }
}

impl RetryPolicy {
    /// Whether another attempt follows when `attempts` were made and the first began `age` ago.
    pub fn allows_another(&self, attempts: u32, age: Duration) -> bool {
        attempts < self.max_attempts || age < Duration::from_millis(self.max_retry_duration_ms)
    }

    /// The wait before retry number `retry` (from 1), without jitter.
    pub fn backoff(&self, retry: u32) -> Duration {
        let doubled = |times: u32| u128::from(self.min_backoff_ms).saturating_mul(1_u128 << times.min(63));
        let retry = retry.max(1);
        let wait = if retry <= self.max_doublings.saturating_add(1) {
            doubled(retry - 1)
        } else {
            doubled(self.max_doublings).saturating_mul(u128::from(retry - self.max_doublings))
        };
        Duration::from_millis(u64::try_from(wait.min(u128::from(self.max_backoff_ms))).unwrap_or(u64::MAX))
    }

    /// The wait before retry number `retry` with jitter: `random` (from 0 to 1) says how much of the share is taken
    /// off. The job's own wish counts when it is longer, up to a day.
    pub fn delay(&self, retry: u32, random: f64, asked: Option<Duration>) -> Duration {
        let kept = 1.0 - self.jitter.get() * random.clamp(0.0, 1.0);
        let whole = self.backoff(retry);
        // A product of floating-point numbers may come out a little longer than the whole.
        whole.mul_f64(kept).min(whole).max(asked.unwrap_or_default().min(ASKED_MAX))
    }
}

/// A share of one that compares by its bits, so that policies have `Eq`.
mod share {
    use serde::{Deserialize, Serialize};

    /// A number from 0 to 1.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(try_from = "f64", into = "f64")]
    pub struct Share(f64);

    impl Eq for Share {}

    impl Share {
        /// `value`, brought into 0 to 1.
        pub const fn new(value: f64) -> Self {
            Self(value.clamp(0.0, 1.0))
        }

        /// The number.
        pub const fn get(self) -> f64 {
            self.0
        }
    }

    impl TryFrom<f64> for Share {
        type Error = &'static str;

        fn try_from(value: f64) -> Result<Self, Self::Error> {
            if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err("must be a number from 0 to 1") }
        }
    }

    impl From<Share> for f64 {
        fn from(share: Share) -> Self {
            share.0
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_follow_cloud_tasks() {
        let policy = RetryPolicy {
            min_backoff_ms: 10_000,
            max_backoff_ms: 300_000,
            max_doublings: 3,
            ..RetryPolicy::default()
        };
        let waits: Vec<u64> = (1..=7).map(|retry| policy.backoff(retry).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 240, 300]);
    }

    #[test]
    fn a_job_may_ask_for_a_day_at_most() {
        assert_eq!(RetryPolicy::default().delay(1, 0.0, Some(Duration::MAX)), Duration::from_secs(86_400));
    }

    #[test]
    fn both_limits_must_be_spent() {
        let policy = RetryPolicy { max_attempts: 2, max_retry_duration_ms: 1_000, ..RetryPolicy::default() };
        assert!(policy.allows_another(1, Duration::from_secs(5)));
        assert!(policy.allows_another(7, Duration::from_millis(999)));
        assert!(!policy.allows_another(2, Duration::from_secs(1)));
    }

    /// Numbers of every size, the largest included.
    fn of_any_size() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..10, 0_u64..1_000_000, any::<u64>(), Just(u64::MAX)]
    }

    prop_compose! {
        fn policy()(
            min in of_any_size(), max in of_any_size(), attempts in 1_u32..10, duration in of_any_size(),
            doublings in prop_oneof![0_u32..100, Just(u32::MAX)], jitter in 0.0_f64..=1.0,
        ) -> RetryPolicy {
            RetryPolicy {
                max_attempts: attempts, max_retry_duration_ms: duration, min_backoff_ms: min,
                max_backoff_ms: max, max_doublings: doublings, jitter: Share::new(jitter), retry_traps: false,
            }
        }
    }

    fn retry() -> impl Strategy<Value = u32> {
        prop_oneof![0_u32..200, any::<u32>(), Just(u32::MAX)]
    }

    proptest! {
        #[test]
        fn waits_grow_up_to_the_longest(policy in policy(), retry in retry()) {
            let wait = policy.backoff(retry);
            prop_assert!(wait <= policy.backoff(retry.saturating_add(1)));
            prop_assert!(wait <= Duration::from_millis(policy.max_backoff_ms));
            prop_assert!(wait >= Duration::from_millis(policy.min_backoff_ms.min(policy.max_backoff_ms)));
        }

        #[test]
        fn a_wait_doubles_so_often_and_then_grows_by_equal_steps(
            min in 1_u64..1_000, doublings in 0_u32..20, retry in 1_u32..60,
        ) {
            let policy = RetryPolicy {
                min_backoff_ms: min, max_backoff_ms: u64::MAX, max_doublings: doublings, ..RetryPolicy::default()
            };
            let ms = |retry: u32| policy.backoff(retry).as_millis();
            prop_assert_eq!(ms(1), u128::from(min));
            if retry <= doublings {
                prop_assert_eq!(ms(retry + 1), ms(retry) * 2);
            } else {
                prop_assert_eq!(ms(retry + 1) - ms(retry), u128::from(min) << doublings);
            }
        }

        #[test]
        fn jitter_takes_off_its_share_at_most(
            policy in policy(), retry in retry(), random in prop_oneof![Just(0.0), 0.0_f64..=1.0, Just(1.0)],
        ) {
            let (whole, wait) = (policy.backoff(retry), policy.delay(retry, random, None));
            prop_assert!(wait <= whole);
            // As exact as floating-point numbers are.
            let least = whole.as_secs_f64() * (1.0 - policy.jitter.get());
            prop_assert!(wait.as_secs_f64() >= least * (1.0 - 1e-9) - 1e-9);
        }

        #[test]
        fn a_longer_wish_of_the_job_counts(policy in policy(), retry in retry(), asked in of_any_size()) {
            let asked = Duration::from_millis(asked);
            let own = policy.delay(retry, 0.5, None);
            prop_assert_eq!(policy.delay(retry, 0.5, Some(asked)), own.max(asked.min(ASKED_MAX)));
        }

        #[test]
        fn a_task_is_given_up_when_both_limits_are_spent(
            policy in policy(), attempts in 0_u32..20, age in of_any_size(),
        ) {
            let spent = attempts >= policy.max_attempts && age >= policy.max_retry_duration_ms;
            prop_assert_eq!(policy.allows_another(attempts, Duration::from_millis(age)), !spent);
        }
    }
}
