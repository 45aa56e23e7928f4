//! The requests that have no answer yet, and how much room their answers may need.
//!
//! How large an answer is shows once it is made. So each request that is read reserves what its answer may have, and no
//! request is read further while what is reserved and what waits to be written exceed [`ANSWERS_BYTES_MAX`]. A call that
//! waits for its job reserves nearly nothing: many may wait, and they are not answered all at once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rmcp::model::RequestId;

/// Most requests that may wait for their answer at once.
const REQUESTS_MAX: usize = 16 * 1024;

/// Bytes of answers at most that are being made and wait to be written, as far as that is known beforehand.
pub(super) const ANSWERS_BYTES_MAX: usize = 64 << 20;

/// After this time without an answer a call waits for its job.
const WAITS_AFTER: Duration = Duration::from_millis(50);

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
            Self::Call | Self::Other => 512 << 10,
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
    next_number: u64,
    /// Calls in the order in which they were let through, to find those that wait.
    let_through: VecDeque<(Instant, RequestId, u64)>,
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
    number: u64,
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
        let number = state.next_number;
        match state.open.entry(id.clone()) {
            Entry::Occupied(_) => return Err(Refused::SameId),
            Entry::Vacant(_) if full => return Err(Refused::TooMany),
            Entry::Vacant(place) => place.insert(Open {
                modern,
                kind,
                bytes,
                number,
                since: now,
                reserves: true,
                being_answered: false,
            }),
        };
        state.next_number += 1;
        state.reserving[kind as usize].requests += 1;
        state.request_bytes += bytes;
        Ok(())
    }

    /// Whether there is room for the answers of all that reserve beside `waiting` bytes. For one request there is room
    /// once nothing waits.
    pub(super) fn have_room(&self, waiting: usize, now: Instant) -> bool {
        let mut state = self.state();
        state.find_waiting(now);
        let requests: usize = state.reserving.iter().map(|kind| kind.requests).sum();
        (requests <= 1 && waiting == 0) || state.reserved() + waiting <= ANSWERS_BYTES_MAX
    }

    /// Notes that a request is being answered from now on.
    pub(super) fn let_through(&self, id: &RequestId, now: Instant) {
        let mut state = self.state();
        let Some(open) = state.open.get(id) else { return };
        if open.kind == Kind::Call {
            let number = open.number;
            state.let_through.push_back((now, id.clone(), number));
        }
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

    /// Finds calls that wait for their jobs, which reserve no more.
    fn find_waiting(&mut self, now: Instant) {
        while let Some((since, ..)) = self.let_through.front()
            && now.saturating_duration_since(*since) >= WAITS_AFTER
        {
            let Some((_, id, number)) = self.let_through.pop_front() else { return };
            let waits = self.open.get_mut(&id).filter(|open| open.number == number && open.reserves);
            if let Some(open) = waits {
                open.reserves = false;
                let (kind, bytes) = (open.kind, open.bytes);
                self.release(kind, bytes);
            }
        }
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
        in_flight.let_through(&id, Instant::now());
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
        assert!(in_flight.have_room(0, Instant::now()));
        begin(&in_flight, 2, Kind::Resource);
        assert!(!in_flight.have_room(0, Instant::now()));
        in_flight.end(&RequestId::Number(1));
        assert!(in_flight.have_room(0, Instant::now()));
        assert!(!in_flight.have_room(30 << 20, Instant::now()), "the first answer is not written yet");
        in_flight.learn(Kind::Resource, 100 << 20);
        assert!(in_flight.have_room(0, Instant::now()), "one has room, however large, once nothing waits");
        assert!(!in_flight.have_room(1, Instant::now()));
    }

    #[test]
    fn large_answers_make_for_fewer_requests() {
        let in_flight = InFlight::default();
        for id in 0..100 {
            begin(&in_flight, id, Kind::Other);
        }
        assert!(in_flight.have_room(0, Instant::now()));
        in_flight.learn(Kind::Other, 1 << 20);
        assert!(!in_flight.have_room(0, Instant::now()));
    }

    #[test]
    fn calls_that_wait_leave_room_for_others() {
        let in_flight = InFlight::default();
        for id in 0..1_000 {
            begin(&in_flight, id, Kind::Call);
        }
        let now = Instant::now();
        assert!(!in_flight.have_room(0, now));
        assert!(in_flight.have_room(0, now + WAITS_AFTER));
        for id in 0..1_000 {
            in_flight.end(&RequestId::Number(id));
        }
        let state = in_flight.state();
        assert_eq!((state.reserved(), state.open.len()), (0, 0));
    }
}
