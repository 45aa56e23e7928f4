//! The requests that have no answer yet, and how much room their answers may need.
//!
//! How large an answer is shows once it is made. So each request that is read reserves what its answer may have, and no
//! request is read further while what is reserved and what waits to be written exceed [`ANSWERS_BYTES_MAX`]. A request
//! that waits for a job or listens reserves nothing meanwhile: many may wait, and they are not answered all at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rmcp::model::RequestId;

/// Most requests that may wait for their answer at once.
const REQUESTS_MAX: usize = 16 * 1024;

/// Bytes of answers at most that are being made and wait to be written, as far as that is known beforehand.
pub(super) const ANSWERS_BYTES_MAX: usize = 64 << 20;

/// What an answer may have, by its request. What one has had counts for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Has an artifact.
    Resource,
    /// May wait for a job, and has its result.
    Call,
    /// Has a list.
    Other,
}

impl Kind {
    /// Bytes that its answer is expected to have at most.
    const fn expected_bytes(self) -> usize {
        match self {
            // The largest artifact that is sent, in Base64, and what it takes on the way there.
            Self::Resource => 40 << 20,
            // A result may have a MiB by default, and is in an answer twice.
            Self::Call => 1 << 20,
            Self::Other => 512 << 10,
        }
    }
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A request of the same id has no answer yet.
    SameId,
    /// Too many requests have no answer yet.
    TooMany,
}

/// Remembers the open requests.
#[derive(Debug, Default)]
pub(in crate::mcp) struct InFlight {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<RequestId, Open>,
    reserving: [Reserving; 3],
    /// Bytes of the requests that reserve.
    request_bytes: usize,
}

#[derive(Debug)]
struct Open {
    /// Whether it is of the modern era, since the shape of its answer follows from that.
    modern: bool,
    kind: Kind,
    bytes: usize,
    /// When it came.
    since: Instant,
    /// Whether its answer may come at any moment.
    reserves: bool,
    /// Whether its answer is on its way, from when on it cannot be cancelled.
    being_answered: bool,
}

/// The requests of one kind that reserve.
#[derive(Debug, Default)]
struct Reserving {
    requests: usize,
    /// Largest answer so far.
    largest: usize,
}

impl InFlight {
    /// Notes a request of so many bytes, and reserves room for its answer.
    pub(super) fn begin(
        &self,
        id: &RequestId,
        modern: bool,
        kind: Kind,
        bytes: usize,
        now: Instant,
    ) -> Result<(), Refused> {
        let mut state = self.state();
        let full = state.open.len() >= REQUESTS_MAX;
        match state.open.entry(id.clone()) {
            Entry::Occupied(_) => return Err(Refused::SameId),
            Entry::Vacant(_) if full => return Err(Refused::TooMany),
            Entry::Vacant(place) => {
                place.insert(Open { modern, kind, bytes, since: now, reserves: true, being_answered: false })
            }
        };
        state.reserving[kind as usize].requests += 1;
        state.request_bytes += bytes;
        Ok(())
    }

    /// Whether there is room for the answers of all that reserve beside `waiting` bytes. For one request there is room
    /// once nothing waits.
    pub(super) fn have_room(&self, waiting: usize) -> bool {
        let state = self.state();
        let requests: usize = state.reserving.iter().map(|kind| kind.requests).sum();
        (requests <= 1 && waiting == 0) || state.reserved() + waiting <= ANSWERS_BYTES_MAX
    }

    /// Notes that a request waits for a job or listens, so that its answer does not come soon.
    pub(in crate::mcp) fn waits(&self, id: &RequestId) {
        let mut state = self.state();
        let Some(open) = state.open.get_mut(id).filter(|open| open.reserves) else { return };
        open.reserves = false;
        let (kind, bytes) = (open.kind, open.bytes);
        state.release(kind, bytes);
    }

    /// Ends a request, by its answer of so many bytes or its cancellation. Says whether it was modern; `None` when it was
    /// not open.
    pub(super) fn end(&self, id: &RequestId) -> Option<(bool, Kind)> {
        let mut state = self.state();
        let open = state.open.remove(id)?;
        if open.reserves {
            state.release(open.kind, open.bytes);
        }
        Some((open.modern, open.kind))
    }

    /// Ends a request because its client no longer wants an answer. False when it is not open, or its answer is on its
    /// way: then the client gets that.
    pub(super) fn cancel(&self, id: &RequestId) -> bool {
        let waits = self.state().open.get(id).is_some_and(|request| !request.being_answered);
        waits && self.end(id).is_some()
    }

    /// Decides that a request is answered: it can be cancelled no more. False when it was cancelled before.
    pub(in crate::mcp) fn answer(&self, id: &RequestId) -> bool {
        self.state().open.get_mut(id).map(|request| request.being_answered = true).is_some()
    }

    /// When a request came; `None` when it is not open.
    pub(in crate::mcp) fn since(&self, id: &RequestId) -> Option<Instant> {
        self.state().open.get(id).map(|request| request.since)
    }

    /// Notes how large an answer was.
    pub(super) fn learn(&self, kind: Kind, answer_bytes: usize) {
        let mut state = self.state();
        let largest = &mut state.reserving[kind as usize].largest;
        *largest = answer_bytes.max(*largest);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reserved(&self) -> usize {
        let of = |kind: Kind| {
            let Reserving { requests, largest } = self.reserving[kind as usize];
            requests.saturating_mul(kind.expected_bytes().max(largest))
        };
        [Kind::Resource, Kind::Call, Kind::Other]
            .into_iter()
            .map(of)
            .fold(self.request_bytes, usize::saturating_add)
    }

    fn release(&mut self, kind: Kind, bytes: usize) {
        self.reserving[kind as usize].requests -= 1;
        self.request_bytes -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(in_flight: &InFlight, id: i64, kind: Kind) {
        let id = RequestId::Number(id);
        in_flight.begin(&id, true, kind, 100, Instant::now()).unwrap();
    }

    #[test]
    fn an_id_is_open_once_and_may_come_again_after_its_answer() {
        let in_flight = InFlight::default();
        let id = RequestId::Number(1);
        assert_eq!(in_flight.begin(&id, true, Kind::Other, 1, Instant::now()), Ok(()));
        assert_eq!(in_flight.begin(&id, false, Kind::Other, 1, Instant::now()), Err(Refused::SameId));
        assert_eq!((in_flight.end(&id), in_flight.end(&id)), (Some((true, Kind::Other)), None));
        assert_eq!(in_flight.begin(&id, false, Kind::Other, 1, Instant::now()), Ok(()));
    }

    #[test]
    fn a_request_is_answered_or_cancelled_and_never_both() {
        let in_flight = InFlight::default();
        let (answered, cancelled) = (RequestId::Number(1), RequestId::Number(2));
        for id in [&answered, &cancelled] {
            in_flight.begin(id, true, Kind::Call, 1, Instant::now()).unwrap();
        }
        assert!(in_flight.answer(&answered) && !in_flight.cancel(&answered));
        assert!(in_flight.cancel(&cancelled) && !in_flight.answer(&cancelled));
        assert_eq!((in_flight.end(&answered), in_flight.end(&cancelled)), (Some((true, Kind::Call)), None));
    }

    #[test]
    fn there_is_a_limit() {
        let in_flight = InFlight::default();
        for number in 0..REQUESTS_MAX as i64 {
            in_flight.begin(&RequestId::Number(number), true, Kind::Call, 1, Instant::now()).unwrap();
        }
        let one_more = RequestId::String("more".into());
        assert_eq!(in_flight.begin(&one_more, true, Kind::Call, 1, Instant::now()), Err(Refused::TooMany));
        in_flight.end(&RequestId::Number(5));
        assert_eq!(in_flight.begin(&one_more, true, Kind::Call, 1, Instant::now()), Ok(()));
    }

    #[test]
    fn artifacts_are_read_one_at_a_time() {
        let in_flight = InFlight::default();
        begin(&in_flight, 1, Kind::Resource);
        assert!(in_flight.have_room(0));
        begin(&in_flight, 2, Kind::Resource);
        assert!(!in_flight.have_room(0));
        in_flight.end(&RequestId::Number(1));
        assert!(in_flight.have_room(0));
        assert!(!in_flight.have_room(30 << 20), "the first answer is not written yet");
        in_flight.learn(Kind::Resource, 100 << 20);
        assert!(in_flight.have_room(0), "one has room, however large, once nothing waits");
        assert!(!in_flight.have_room(1));
    }

    #[test]
    fn large_answers_make_for_fewer_requests() {
        let in_flight = InFlight::default();
        for id in 0..100 {
            begin(&in_flight, id, Kind::Other);
        }
        assert!(in_flight.have_room(0));
        in_flight.learn(Kind::Other, 1 << 20);
        assert!(!in_flight.have_room(0));
    }

    #[test]
    fn calls_that_wait_leave_room_for_others() {
        let in_flight = InFlight::default();
        for id in 0..1_000 {
            begin(&in_flight, id, Kind::Call);
        }
        assert!(!in_flight.have_room(0));
        for id in 0..1_000 {
            in_flight.waits(&RequestId::Number(id));
        }
        assert!(in_flight.have_room(0));
        for id in 0..1_000 {
            in_flight.end(&RequestId::Number(id));
        }
        let state = in_flight.state();
        assert_eq!((state.reserved(), state.open.len()), (0, 0));
    }
}
