//! Gives others their turn between two calls to the host.
//!
//! Compiled code looks at the clock where functions and loops begin. A guest that calls the host again and again without a loop
//! would never come there: it would keep its thread, and nothing could end it. So it is looked at when a call returns, too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use wasmtime::{CallHook, CallHookHandler, Result, StoreContextMut};

use crate::guest::Guest;

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

/// Looks at a guest once a tick when it returns from the host.
pub(crate) struct Turns {
    ticks: Ticks,
    seen: AtomicU64,
}

impl Turns {
    pub(crate) fn new(ticks: Ticks) -> Self {
        Self { seen: AtomicU64::new(ticks.count()), ticks }
    }
}

impl CallHookHandler<Guest> for Turns {
    // Written out, so that what happens at nearly every call allocates nothing: a future without a size needs no room.
    fn handle_call_event<'turns, 'guest, 'both>(
        &'turns self,
        mut store: StoreContextMut<'guest, Guest>,
        call: CallHook,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'both>>
    where
        'turns: 'both,
        'guest: 'both,
        Self: 'both,
    {
        let now = self.ticks.count();
        if !matches!(call, CallHook::ReturningFromHost) || self.seen.load(Ordering::Relaxed) == now {
            return Box::pin(GoesOn);
        }
        self.seen.store(now, Ordering::Relaxed);
        Box::pin(async move {
            store.data_mut().check()?;
            tokio::task::yield_now().await;
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
