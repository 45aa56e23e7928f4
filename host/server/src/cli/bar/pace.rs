//! How fast a job is, by what it did in the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far back the pace looks: long enough to be calm, short enough to notice a change.
const WINDOW: Duration = Duration::from_secs(10);
/// Time between two samples that are kept.
const SAMPLE: Duration = Duration::from_millis(250);
/// As many steps are looked at, however far back: a job that does one thing a minute has a pace, too.
const STEPS_MIN: usize = 5;
/// What is measured for less than this says nothing of the pace.
const MEANINGFUL: Duration = Duration::from_secs(1);
/// What takes longer is not foretold.
const LEFT_MAX: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// The pace of one attempt.
#[derive(Debug, Default)]
pub(super) struct Pace {
    attempt: u32,
    began: Option<Instant>,
    samples: VecDeque<(Instant, u64)>,
    latest: Option<(Instant, u64)>,
}

impl Pace {
    /// Takes in how much an attempt has done. What an earlier attempt did, or one that began anew, says nothing.
    pub(super) fn observe(&mut self, now: Instant, attempt: u32, done: u64) {
        let went_back = self.latest.is_some_and(|(_, before)| done < before);
        if attempt != self.attempt || went_back {
            *self = Self { attempt, began: Some(now), ..Self::default() };
        }
        let is_step = |(at, before): &(Instant, u64)| *before != done && now.duration_since(*at) >= SAMPLE;
        if self.samples.back().is_none_or(is_step) {
            self.samples.push_back((now, done));
        }
        // One sample from before the window stays, from which the window is measured.
        while self.samples.len() > STEPS_MIN
            && self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
        {
            self.samples.pop_front();
        }
        self.latest = Some((now, done));
    }

    /// How much is done in a second. `None` within the first second, and while nothing is done.
    pub(super) fn per_second(&self) -> Option<f64> {
        let ((start, before), (now, done)) = (self.samples.front()?, self.latest?);
        let span = now.duration_since(*start);
        let amount = done.saturating_sub(*before);
        (span >= MEANINGFUL && amount > 0).then(|| amount as f64 / span.as_secs_f64())
    }

    /// How long the rest takes at this pace.
    pub(super) fn left(&self, done: u64, total: u64) -> Option<Duration> {
        let rest = total.checked_sub(done).filter(|rest| *rest > 0)?;
        let left = Duration::try_from_secs_f64(rest as f64 / self.per_second()?).ok()?;
        (left <= LEFT_MAX).then_some(left)
    }

    /// How long the attempt has been watched.
    pub(super) fn elapsed(&self) -> Option<Duration> {
        Some(self.latest?.0.duration_since(self.began?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_pace_is_known_after_a_second_and_calm() {
        let start = Instant::now();
        let mut pace = Pace::default();
        // As an export that hands over its first hundred thousand rows at once.
        pace.observe(start, 1, 0);
        pace.observe(start + after(1), 1, 100_000);
        assert_eq!(pace.per_second(), None, "a hundred million a second is no pace");
        pace.observe(start + after(1_000), 1, 150_000);
        assert_eq!(pace.per_second(), Some(150_000.0));
        assert_eq!(pace.left(150_000, 450_000), Some(Duration::from_secs(2)));
        for second in 2..=30 {
            pace.observe(start + Duration::from_secs(second), 1, 150_000 + second * 1_000);
        }
        assert_eq!(pace.per_second(), Some(1_000.0), "what was long ago is forgotten");
        pace.observe(start + Duration::from_secs(66), 1, 180_000);
        assert_eq!(pace.per_second(), Some(100.0), "it fades while nothing is done");
    }

    #[test]
    fn a_slow_job_has_a_pace_too() {
        let start = Instant::now();
        let mut pace = Pace::default();
        for minute in 0..10 {
            pace.observe(start + Duration::from_secs(minute * 60), 1, minute);
        }
        assert_eq!(pace.left(9, 12), Some(Duration::from_secs(180)));
    }

    #[test]
    fn another_attempt_and_a_step_back_begin_anew() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.observe(start, 1, 0);
        pace.observe(start + after(2_000), 1, 10);
        pace.observe(start + after(3_000), 2, 5_000);
        assert_eq!((pace.per_second(), pace.elapsed()), (None, Some(Duration::ZERO)));
        pace.observe(start + after(5_000), 2, 5_004);
        assert_eq!(pace.per_second(), Some(2.0));
        pace.observe(start + after(6_000), 2, 0);
        assert_eq!(pace.per_second(), None);
    }

    #[test]
    fn what_cannot_be_foretold_is_not() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.observe(start, 1, 0);
        pace.observe(start + after(2_000), 1, 2);
        assert_eq!(pace.left(2, u64::MAX), None, "longer than anybody waits");
        assert_eq!((pace.left(7, 7), pace.left(9, 7)), (None, None), "nothing is left");
    }
}
