//! What passes between a running attempt and its host without going through the store: progress one way, the wish
//! to stop the other.

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Poll, Waker};

use crate::Progress;

/// The latest progress of a running attempt. Written by the job as often as it likes, read when somebody looks.
#[derive(Debug, Default)]
pub struct LiveProgress {
    latest: Mutex<Progress>,
    revision: AtomicU64,
}

impl LiveProgress {
    /// Progress that begins at `progress`.
    pub fn starting_at(progress: Progress) -> Self {
        Self { latest: Mutex::new(progress), revision: AtomicU64::new(0) }
    }

    /// Takes a report. An empty message keeps the last one.
    pub fn report(&self, done: u64, total: Option<u64>, message: String) {
        let mut latest = self.lock();
        latest.done = done;
        latest.total = total;
        if !message.is_empty() {
            latest.message = message;
        }
        drop(latest);
        self.revision.fetch_add(1, Ordering::Release);
    }

    /// The latest report.
    pub fn latest(&self) -> Progress {
        self.lock().clone()
    }

    /// A number that grows with each report, to see cheaply whether there was one.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Why an attempt should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The task was cancelled.
    Cancelled,
    /// The host is going down; the task goes on elsewhere.
    Drain,
    /// The lease is lost: nothing that the attempt still does can count.
    Fenced,
    /// The task outlived its deadline.
    DeadlineExceeded,
}

/// Asks a running attempt to stop. The first reason given stays, except that losing the lease overrides it.
#[derive(Debug, Default)]
pub struct StopSignal {
    reason: AtomicU8,
    wakers: Mutex<Vec<Waker>>,
}

impl StopSignal {
    /// Asks the attempt to stop.
    pub fn stop(&self, reason: StopReason) {
        let code = match reason {
            StopReason::Cancelled => 1,
            StopReason::Drain => 2,
            StopReason::Fenced => 3,
            StopReason::DeadlineExceeded => 4,
        };
        if reason == StopReason::Fenced {
            self.reason.store(code, Ordering::Release);
        } else {
            let _ = self.reason.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
        }
        for waker in self.wakers().drain(..) {
            waker.wake();
        }
    }

    /// Why the attempt should stop, if it should.
    pub fn reason(&self) -> Option<StopReason> {
        match self.reason.load(Ordering::Acquire) {
            0 => None,
            1 => Some(StopReason::Cancelled),
            2 => Some(StopReason::Drain),
            3 => Some(StopReason::Fenced),
            _ => Some(StopReason::DeadlineExceeded),
        }
    }

    /// Resolves when the attempt is asked to stop.
    pub async fn stopped(&self) -> StopReason {
        poll_fn(|context| {
            // Registered before the look, so that a stop between the two is not missed.
            let mut wakers = self.wakers();
            if !wakers.iter().any(|known| known.will_wake(context.waker())) {
                wakers.push(context.waker().clone());
            }
            drop(wakers);
            self.reason().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays_unless_the_lease_is_lost() {
        let signal = StopSignal::default();
        assert_eq!(signal.reason(), None);
        signal.stop(StopReason::Drain);
        signal.stop(StopReason::Cancelled);
        assert_eq!(signal.reason(), Some(StopReason::Drain));
        signal.stop(StopReason::Fenced);
        assert_eq!(signal.reason(), Some(StopReason::Fenced));
    }

    #[test]
    fn an_empty_message_keeps_the_last() {
        let live = LiveProgress::default();
        live.report(1, Some(2), "one".into());
        live.report(2, Some(2), String::new());
        assert_eq!(live.latest(), Progress { done: 2, total: Some(2), message: "one".into() });
        assert_eq!(live.revision(), 2);
    }
}
