//! How many queries of an attempt are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How long a new cursor waits for the end of others that the job has dropped.
const WAIT_FOR_DROPPED: Duration = Duration::from_secs(1);

/// Counts the open cursors of an attempt: those that it holds, and those that it dropped and whose readers are still at work.
#[derive(Clone, Default)]
pub(crate) struct OpenCursors(Arc<Counts>);

#[derive(Default)]
struct Counts {
    open: AtomicU32,
    dropped: AtomicU32,
    ended: Notify,
}

impl OpenCursors {
    pub(crate) fn count(&self) -> u32 {
        self.0.open.load(Ordering::SeqCst)
    }

    /// Whether there is room for one more than these, after some time for those that were dropped.
    pub(crate) async fn has_room(&self, cursors_max: u32) -> bool {
        let held = self.count().saturating_sub(self.0.dropped.load(Ordering::SeqCst));
        if held >= cursors_max {
            return false;
        }
        let room = async {
            loop {
                let ended = self.0.ended.notified();
                if self.count() < cursors_max {
                    return;
                }
                ended.await;
            }
        };
        tokio::time::timeout(WAIT_FOR_DROPPED, room).await.is_ok()
    }

    pub(crate) fn open(&self) -> Held {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        let counts = Arc::clone(&self.0);
        Held(OpenCursor(Arc::new(Counted { counts, is_dropped: AtomicBool::new(false) })))
    }
}

/// One that is counted until all of its clones are dropped.
#[derive(Clone)]
pub(crate) struct OpenCursor(Arc<Counted>);

struct Counted {
    counts: Arc<Counts>,
    is_dropped: AtomicBool,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::SeqCst);
        if self.is_dropped.load(Ordering::SeqCst) {
            self.counts.dropped.fetch_sub(1, Ordering::SeqCst);
        }
        self.counts.ended.notify_waiters();
    }
}

/// One that the attempt holds.
pub(crate) struct Held(OpenCursor);

impl Held {
    /// Counts the work on it.
    pub(crate) fn work(&self) -> OpenCursor {
        self.0.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Counted { counts, is_dropped } = &*self.0.0;
        counts.dropped.fetch_add(1, Ordering::SeqCst);
        is_dropped.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_cursor_counts_until_its_reader_is_done() {
        let cursors = OpenCursors::default();
        let held = cursors.open();
        assert!(cursors.has_room(2).await && !cursors.has_room(1).await);
        let work = held.work();
        drop(held);
        assert_eq!(cursors.count(), 1);
        let ((), has_room) = tokio::join!(async { drop(work) }, cursors.has_room(1));
        assert!(has_room && cursors.count() == 0);
    }

    #[tokio::test]
    async fn a_cursor_counts_after_its_reader_is_done() {
        let cursors = OpenCursors::default();
        let held = cursors.open();
        drop(held.work());
        assert_eq!(cursors.count(), 1);
        drop(held);
        assert_eq!(cursors.count(), 0);
        assert!(cursors.has_room(1).await);
    }
}
