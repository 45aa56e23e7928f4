//! Whether a flush should wait a moment for company. Callers who were just answered often come back with the next
//! command at once; without a wait the first of them would get a flush for itself, while all others wait for the next.

use std::time::Duration;

/// The part of the last flush's time that the next one may wait for callers who were just answered, and the most.
const GATHER_PART: u32 = 4;
const GATHER_MAX: Duration = Duration::from_millis(1);

/// Flushes that wait for nobody, at the most, once waiting was in vain again and again.
const PASSES_MAX: u32 = 64;

/// What the last commit that waited for the disk was like, and whether it pays to wait for company before the next.
#[derive(Default)]
pub(super) struct LastFlush {
    /// Commands that waited for it.
    durable: usize,
    took: Duration,
    /// Waits in a row for which too few came.
    in_vain: u32,
    /// Flushes that shall not wait, after those.
    passes: u32,
}

impl LastFlush {
    /// Notes a commit that `durable` commands waited for.
    pub(super) fn flushed(&mut self, durable: usize, took: Duration) {
        self.durable = durable;
        self.took = took;
    }

    /// How long the next one may wait.
    pub(super) fn patience(&self) -> Duration {
        (self.took / GATHER_PART).min(GATHER_MAX)
    }

    /// How many commands the next flush should have, if it begins with `durable`. No more than that where nobody is
    /// missing, or where those who came together by chance did not come back the last times.
    pub(super) fn expected(&mut self, durable: usize) -> usize {
        if self.durable <= durable {
            return durable;
        }
        if self.passes > 0 {
            self.passes -= 1;
            return durable;
        }
        self.durable
    }

    /// Notes that a flush that waited for `missing` commands got `came` of them.
    pub(super) fn waited(&mut self, missing: usize, came: usize) {
        self.in_vain = if 2 * came >= missing { 0 } else { self.in_vain + 1 };
        self.passes = if self.in_vain == 0 { 0 } else { PASSES_MAX.min(1 << self.in_vain.min(31)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_that_waits_in_vain_again_and_again_waits_less_and_less_often() {
        let mut last = LastFlush { durable: 2, ..LastFlush::default() };
        let waits = |last: &mut LastFlush, came| {
            (0..100)
                .filter(|_| {
                    let waits = last.expected(1) == 2;
                    if waits {
                        last.waited(1, came);
                    }
                    waits
                })
                .count()
        };
        assert_eq!(waits(&mut last, 0), 6, "at 0, 3, 8, 17, 34 and 67");
        assert!(waits(&mut last, 1) > 30, "and always, as soon as they come back");
        assert_eq!(waits(&mut last, 1), 100);
    }
}
