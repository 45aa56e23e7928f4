//! Where messages go, and under which conditions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::{DeliveryError, MessageSink, RateLimit, RetryPolicy, Timestamp};

/// The channels by name.
pub type Channels = BTreeMap<String, Channel>;

/// Longest wait that a receiver can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// One channel.
#[derive(Clone)]
pub struct Channel {
    /// Where its messages go.
    pub sink: Arc<dyn MessageSink>,
    /// Under which conditions.
    pub policy: ChannelPolicy,
}

/// How the messages of one channel are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPolicy {
    /// When a message is tried again, and when it is given up.
    pub retry: RetryPolicy,
    /// How many messages the channel takes, over all processes; as many as there are when none.
    pub rate: Option<RateLimit>,
    /// How long one try may take.
    pub timeout: Duration,
    /// Messages that one process delivers at once.
    pub concurrency: u32,
}

impl Default for ChannelPolicy {
    fn default() -> Self {
        Self { retry: Self::default_retry(), rate: None, timeout: Duration::from_secs(30), concurrency: 8 }
    }
}

impl ChannelPolicy {
    /// Tries over a good day: a receiver that is down over night gets its messages in the morning.
    pub fn default_retry() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 24,
            min_backoff_ms: 1_000,
            max_backoff_ms: 3 * 60 * 60 * 1_000,
            max_doublings: 13,
            ..RetryPolicy::default()
        }
    }

    /// When a message is tried again whose try number `tries` failed; none when it is given up. `random` is from 0
    /// to 1.
    pub(crate) fn next_try(
        &self,
        error: &DeliveryError,
        tries: u32,
        now: Timestamp,
        random: f64,
    ) -> Option<Timestamp> {
        let another = error.retryable && self.retry.allows_another(tries, Duration::MAX);
        let asked = error.retry_after.map(|wait| wait.min(RETRY_AFTER_MAX));
        another.then(|| now.after(self.retry.delay(tries, random, asked)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(policy: &ChannelPolicy, error: &DeliveryError, tries: u32) -> Option<Duration> {
        let now = Timestamp::from_ms(1_000);
        policy.next_try(error, tries, now, 0.0).map(|at| at.since(now))
    }

    #[test]
    fn a_message_is_tried_for_about_a_day() {
        let (policy, error) = (ChannelPolicy::default(), DeliveryError::transient("busy"));
        let waits: Vec<Duration> = (1..).map_while(|tries| after(&policy, &error, tries)).collect();
        assert_eq!(waits.len(), 23);
        let hours = waits.iter().sum::<Duration>().as_secs() / 3_600;
        assert!((24..36).contains(&hours), "{hours} h");
        assert_eq!(after(&policy, &DeliveryError::permanent("no such address"), 1), None);
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() {
        let policy = ChannelPolicy::default();
        let asks = |wait| DeliveryError { retry_after: Some(wait), ..DeliveryError::transient("busy") };
        assert_eq!(after(&policy, &asks(Duration::from_secs(90)), 1), Some(Duration::from_secs(90)));
        assert_eq!(after(&policy, &asks(Duration::from_millis(5)), 1), Some(Duration::from_secs(1)));
        assert_eq!(after(&policy, &asks(Duration::MAX), 1), Some(RETRY_AFTER_MAX));
    }

    proptest! {
        #[test]
        fn a_message_is_never_tried_too_early_too_late_or_too_often(
            tries in 1_u32..100, random in 0.0_f64..=1.0, asked in prop::option::of(0_u64..=u64::MAX),
        ) {
            let (policy, now) = (ChannelPolicy::default(), Timestamp::from_ms(1_000));
            let asks = DeliveryError {
                retry_after: asked.map(Duration::from_millis), ..DeliveryError::transient("busy")
            };
            match policy.next_try(&asks, tries, now, random) {
                None => prop_assert!(tries >= policy.retry.max_attempts),
                Some(at) => {
                    prop_assert!(tries < policy.retry.max_attempts);
                    let asked = asks.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
                    let longest = Duration::from_millis(policy.retry.max_backoff_ms);
                    prop_assert!(at.since(now) >= asked && at.since(now) <= asked.max(longest));
                }
            }
        }
    }
}
