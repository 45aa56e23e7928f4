//! The requests that have no answer yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmcp::model::RequestId;
use tokio::time::Instant;

/// Most requests that may wait for their answer at once.
const REQUESTS_MAX: usize = 16 * 1024;

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A request of the same id has no answer yet.
    SameId,
    /// Too many requests have no answer yet.
    TooMany,
}

/// Remembers each open request: its era, since the shape of its answer follows from that, when it came, and whether it
/// is being answered, from when on it cannot be cancelled.
#[derive(Debug, Default)]
pub(in crate::mcp) struct InFlight {
    open: Mutex<HashMap<RequestId, Open>>,
}

#[derive(Debug)]
struct Open {
    modern: bool,
    since: Instant,
    being_answered: bool,
}

impl InFlight {
    /// Notes a request.
    pub(super) fn begin(&self, id: &RequestId, modern: bool) -> Result<(), Refused> {
        let mut open = self.open();
        let full = open.len() >= REQUESTS_MAX;
        match open.entry(id.clone()) {
            Entry::Occupied(_) => Err(Refused::SameId),
            Entry::Vacant(_) if full => Err(Refused::TooMany),
            Entry::Vacant(place) => {
                place.insert(Open { modern, since: Instant::now(), being_answered: false });
                Ok(())
            }
        }
    }

    /// Ends a request by its answer. Returns whether it was modern; `None` when it was not open.
    pub(super) fn end(&self, id: &RequestId) -> Option<bool> {
        self.open().remove(id).map(|request| request.modern)
    }

    /// Ends a request because its client no longer wants an answer. False when it is not open, or its answer is on its
    /// way: then the client gets that.
    pub(super) fn cancel(&self, id: &RequestId) -> bool {
        let mut open = self.open();
        let waits = open.get(id).is_some_and(|request| !request.being_answered);
        if waits {
            open.remove(id);
        }
        waits
    }

    /// Decides that a request is answered: it can be cancelled no more. False when it was cancelled before.
    pub(in crate::mcp) fn answer(&self, id: &RequestId) -> bool {
        self.open().get_mut(id).map(|request| request.being_answered = true).is_some()
    }

    /// When a request came; `None` when it is not open.
    pub(in crate::mcp) fn since(&self, id: &RequestId) -> Option<Instant> {
        self.open().get(id).map(|request| request.since)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<RequestId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_open_once_and_may_come_again_after_its_answer() {
        let in_flight = InFlight::default();
        let id = RequestId::Number(1);
        assert_eq!(in_flight.begin(&id, true), Ok(()));
        assert_eq!(in_flight.begin(&id, false), Err(Refused::SameId));
        assert_eq!((in_flight.end(&id), in_flight.end(&id)), (Some(true), None));
        assert_eq!(in_flight.begin(&id, false), Ok(()));
    }

    #[test]
    fn a_request_is_answered_or_cancelled_and_never_both() {
        let in_flight = InFlight::default();
        let (answered, cancelled) = (RequestId::Number(1), RequestId::Number(2));
        for id in [&answered, &cancelled] {
            in_flight.begin(id, true).unwrap();
        }
        assert!(in_flight.answer(&answered) && !in_flight.cancel(&answered));
        assert!(in_flight.cancel(&cancelled) && !in_flight.answer(&cancelled));
        assert_eq!((in_flight.end(&answered), in_flight.end(&cancelled)), (Some(true), None));
    }

    #[test]
    fn there_is_a_limit() {
        let in_flight = InFlight::default();
        for number in 0..REQUESTS_MAX as i64 {
            in_flight.begin(&RequestId::Number(number), true).unwrap();
        }
        let one_more = RequestId::String("more".into());
        assert_eq!(in_flight.begin(&one_more, true), Err(Refused::TooMany));
        in_flight.end(&RequestId::Number(5));
        assert_eq!(in_flight.begin(&one_more, true), Ok(()));
    }
}
