//! Gives others their turn between two calls to the host.
//!
//! Compiled code looks at the clock where functions and loops begin. A guest that calls the host again and again without a loop
//! would never come there: it would keep its thread, and nothing could end it. So it is looked at when a call returns, too.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use wasmtime::{CallHook, CallHookHandler, Result, StoreContextMut};

use crate::guest::Guest;

/// Turns that a guest lets others have at most, however long its call took.
const TURNS_MAX: u64 = 20;

/// Counts the ticks of the clock that interrupts guests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The turn of a guest: since when it has kept its thread.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    ticks: Ticks,
    began: Arc<AtomicU64>,
}

impl Turn {
    pub(crate) fn new(ticks: Ticks) -> Self {
        Self { began: Arc::new(AtomicU64::new(ticks.count())), ticks }
    }

    /// Runs a call into the guest. Its turn begins whenever that is polled.
    pub(crate) async fn of<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.began.store(self.ticks.count(), Ordering::Relaxed);
            call.as_mut().poll(context)
        })
        .await
    }

    /// Ticks since it began.
    fn ticks(&self) -> u64 {
        self.ticks.count().wrapping_sub(self.began.load(Ordering::Relaxed))
    }
}

impl CallHookHandler<Guest> for Turn {
    // Written out, so that what happens at nearly every call allocates nothing: a future without a size needs no room.
    fn handle_call_event<'turn, 'guest, 'both>(
        &'turn self,
        mut store: StoreContextMut<'guest, Guest>,
        call: CallHook,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'both>>
    where
        'turn: 'both,
        'guest: 'both,
        Self: 'both,
    {
        let ticks = self.ticks();
        if ticks == 0 || !matches!(call, CallHook::ReturningFromHost) {
            return Box::pin(GoesOn);
        }
        Box::pin(async move {
            store.data_mut().check()?;
            // A call that took several ticks, to copy what it was given, is one of several turns.
            for _ in 0..ticks.min(TURNS_MAX) {
                tokio::task::yield_now().await;
            }
            Ok(())
        })
    }
}

/// There is nothing to wait for.
struct GoesOn;

impl Future for GoesOn {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}
