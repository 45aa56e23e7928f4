//! How long a query works, as distinct from how long it waits for whoever reads its rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Measures a query's work on its thread, and is looked at from within SQLite while it works.
#[derive(Clone)]
pub(crate) struct WorkingTime {
    origin: Instant,
    /// Nanoseconds after the origin at which the time will be over if it works on; so each wait moves it.
    over_at: Arc<AtomicU64>,
}

impl WorkingTime {
    /// Begins now to measure work of `max` at the most.
    pub(crate) fn of(max: Duration) -> Self {
        Self { origin: Instant::now(), over_at: Arc::new(AtomicU64::new(nanos(max))) }
    }

    pub(crate) fn is_over(&self) -> bool {
        nanos(self.origin.elapsed()) >= self.over_at.load(Ordering::Relaxed)
    }

    /// Whether it works on, so long after it was over.
    pub(crate) fn is_over_for(&self, time: Duration) -> bool {
        nanos(self.origin.elapsed()) >= self.over_at.load(Ordering::Relaxed).saturating_add(nanos(time))
    }

    /// Does something that is no work.
    pub(crate) fn pause<T>(&self, wait: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        // Only this thread changes it. Meanwhile it is never over, whoever looks.
        let over_at = self.over_at.swap(u64::MAX, Ordering::Relaxed);
        let waited = wait();
        self.over_at.store(over_at.saturating_add(nanos(began.elapsed())), Ordering::Relaxed);
        waited
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_no_work() {
        let none = WorkingTime::of(Duration::ZERO);
        assert!(none.is_over() && !none.is_over_for(Duration::from_hours(1)));
        assert!(!none.pause(|| none.is_over()), "who waits does not work");
        let hour = WorkingTime::of(Duration::from_hours(1));
        let before = hour.over_at.load(Ordering::Relaxed);
        assert_eq!(hour.pause(|| std::hint::black_box((0..10_000).sum::<u64>())), 49_995_000);
        assert!(hour.over_at.load(Ordering::Relaxed) > before && !hour.is_over());
    }
}
