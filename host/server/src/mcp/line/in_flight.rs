//! The requests that have no answer yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmcp::model::RequestId;

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

/// Remembers of each open request whether it is of the modern era, since the shape of its answer follows from that.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    open: Mutex<HashMap<RequestId, bool>>,
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
                place.insert(modern);
                Ok(())
            }
        }
    }

    /// Ends a request, by its answer or its cancellation. Says whether it was modern; none when it was not open.
    pub(super) fn end(&self, id: &RequestId) -> Option<bool> {
        self.open().remove(id)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<RequestId, bool>> {
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
