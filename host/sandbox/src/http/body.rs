//! Bodies that have a limit and an hour at which they end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut<E> {
    #[error("it has more bytes than it may")]
    TooLong,
    #[error("it took too long")]
    Late,
    #[error("it paused for too long")]
    Paused,
    #[error("{0}")]
    Broken(E),
}

/// Until when a body is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For all of it.
    pub(super) until: Instant,
    /// For one piece after another.
    pub(super) between: Option<Duration>,
}

/// A body of a guest's call.
pub(super) struct Bounded<B> {
    body: B,
    bytes_left: u64,
    patience: Patience,
    late: Pin<Box<Sleep>>,
    /// Its call counts among those that are under way as long as it is read.
    _turn: Option<OwnedSemaphorePermit>,
}

impl<B> Bounded<B> {
    pub(super) fn new(
        body: B,
        bytes_max: u64,
        patience: Patience,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let late = Box::pin(tokio::time::sleep_until(next(patience)));
        Self { body, bytes_left: bytes_max, patience, late, _turn: turn }
    }
}

fn next(patience: Patience) -> Instant {
    let between = patience.between.and_then(|between| Instant::now().checked_add(between));
    between.map_or(patience.until, |at| at.min(patience.until))
}

impl<B: Body<Data = Bytes> + Unpin> Body for Bounded<B> {
    type Data = Bytes;
    type Error = Cut<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        use std::future::Future as _;
        // Whoever always has something to say is late, too.
        if Instant::now() >= self.patience.until {
            return Poll::Ready(Some(Err(Cut::Late)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let until = self.patience.until;
            let cut = move |()| Some(Err(if Instant::now() >= until { Cut::Late } else { Cut::Paused }));
            return self.late.as_mut().poll(context).map(cut);
        };
        if self.patience.between.is_some() {
            let at = next(self.patience);
            self.late.as_mut().reset(at);
        }
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(Cut::Broken(error)))),
            None => return Poll::Ready(None),
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        let Some(left) = self.bytes_left.checked_sub(bytes) else {
            return Poll::Ready(Some(Err(Cut::TooLong)));
        };
        self.bytes_left = left;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;

    fn patience() -> Patience {
        Patience { until: Instant::now() + Duration::from_secs(600), between: None }
    }

    #[tokio::test]
    async fn a_body_ends_at_its_limit() {
        let body =
            |bytes_max| Bounded::new(Full::new(Bytes::from_static(b"12345")), bytes_max, patience(), None);
        assert_eq!(body(5).collect().await.unwrap().to_bytes().len(), 5);
        assert!(matches!(body(4).collect().await, Err(Cut::TooLong)));
    }

    #[tokio::test]
    async fn a_body_that_does_not_go_on_ends() {
        let piece = || Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")));
        let stalls = || StreamBody::new(futures::stream::iter([piece()]).chain(futures::stream::pending()));
        let read = |patience| Bounded::new(stalls(), 100, patience, None).collect();
        assert!(matches!(read(Patience { until: Instant::now(), ..patience() }).await, Err(Cut::Late)));
        let between = Some(Duration::ZERO);
        assert!(matches!(read(Patience { between, ..patience() }).await, Err(Cut::Paused)));
    }
}
