//! Stops a job everywhere and compares what comes out.

use super::TestHost;
use super::calls::{Call, Stop};
use super::difference::{self, Outcome};
use crate::{Job, JobError};
use serde_json::Value as Json;
use std::fmt;

/// Save intervals that are tried beside the job's own: at each step, so that a few rows cross many saves, and further
/// apart, so that something can gather between two.
const INTERVALS: [u64; 2] = [1, 3];

/// Runs a job undisturbed, then again and again with one attempt ended early, and panics unless the next attempt brings
/// about the same result, artifacts and messages. Returns the undisturbed host and its result.
///
/// An attempt is ended at each call it makes of the host: killed there, and at a report of progress or a save also told
/// to stop. Then all that again with saves at each step, and at each third, for a job that leaves their distance to
/// [`Context::save_due`](crate::Context::save_due), unless the test's host sets it ([`TestHost::save_every`]); so a few
/// rows are enough. Once every attempt is killed right after its
/// first save, until the job is done. Panics, too, if the job never saved: then nothing was tested.
///
/// The panic's message says where the attempt was stopped, and shows the first difference from both sides.
#[track_caller]
pub fn assert_resumes<J: Job>(host: impl Fn() -> TestHost, input: &Json) -> (TestHost, Json) {
    let own = Pass::new::<J>(&host, input, None);
    let mut saves = own.undisturbed.saves();
    own.check::<J>();
    let memory = &own.undisturbed.memory;
    let asked = memory.asked_for_interval.get();
    if asked && memory.save_interval_max.get().is_none() {
        for interval in INTERVALS {
            let pass = Pass::new::<J>(&host, input, Some(interval));
            saves += pass.undisturbed.saves();
            pass.check::<J>();
        }
    }
    let advice = if asked {
        "although saves were due. Call `ctx.save(&state)?` where `ctx.save_due(…)` returns true, and \
         have the test's data make the job do several steps"
    } else {
        "so there was nothing to resume from. Save with `if ctx.save_due(done, STEPS_PER_SAVE) { ctx.save(&state)?; }`, \
         which this test calls with smaller distances, or have the test's data cross a save"
    };
    assert!(saves > 0, "the job never saved, {advice}");
    (own.undisturbed, own.result)
}

/// The attempts with one save interval.
struct Pass<'a, H> {
    host: &'a H,
    input: &'a Json,
    interval: Option<u64>,
    undisturbed: TestHost,
    result: Json,
    /// What the undisturbed attempt called.
    calls: Vec<Call>,
}

impl<'a, H: Fn() -> TestHost> Pass<'a, H> {
    #[track_caller]
    fn new<J: Job>(host: &'a H, input: &'a Json, interval: Option<u64>) -> Self {
        let undisturbed = with_interval(host(), interval);
        let result = match undisturbed.attempt::<J>(input, Stop::Never) {
            Some(Ok(result)) => result,
            other => panic!("the job must succeed when it is not disturbed, but: {}", ended(other)),
        };
        let calls = undisturbed.memory.calls.made();
        Self { host, input, interval, undisturbed, result, calls }
    }

    #[track_caller]
    fn check<J: Job>(&self) {
        for stop in self.stops() {
            let disturbed = with_interval((self.host)(), self.interval);
            let first = disturbed.attempt::<J>(self.input, stop);
            let place = self.place(stop);
            match (stop, &first) {
                (Stop::Killed(_), None) | (_, Some(Err(JobError::Cancelled))) => {}
                (Stop::Killed(_), _) => {
                    panic!("{place}: another attempt with the same input made other calls, and fewer");
                }
                _ => panic!(
                    "{place}: the job did not end with `JobError::Cancelled`, which `?` passes on, but: {}",
                    ended(first)
                ),
            }
            self.compare(&disturbed, disturbed.attempt::<J>(self.input, Stop::Never), &place);
        }
        self.check_kills_after_saves::<J>();
    }

    /// Every attempt dies right after its first save, so that each saved state is resumed from by a new attempt; or after
    /// as many saves as the test's limit on stops demands.
    #[track_caller]
    fn check_kills_after_saves<J: Job>(&self) {
        let disturbed = with_interval((self.host)(), self.interval);
        let saves = self.undisturbed.saves();
        let each = saves.div_ceil(self.undisturbed.stops_max.max(1)).max(1);
        // Each attempt gets that many saves further; the last ends.
        for attempt in 0..=saves / each {
            let place = Place {
                what: format!("killed {attempt} times, each right after a save"),
                pass: self.interval,
            };
            if let Some(end) = disturbed.attempt::<J>(self.input, Stop::KilledAfterSave(each as u32)) {
                return self.compare(&disturbed, Some(end), &place);
            }
        }
        panic!(
            "the job does not get ahead: it was killed right after each of {} saves, as many as an undisturbed run makes, \
             and still saved again. Begin with `ctx.load()?` and go on after what it returns",
            disturbed.saves()
        );
    }

    #[track_caller]
    fn compare(&self, disturbed: &TestHost, end: Option<crate::Result<Json>>, place: &Place) {
        let result = match end {
            Some(Ok(result)) => result,
            other => panic!("{place}: the resumed job did not succeed: {}", ended(other)),
        };
        let expected = Outcome::of(&self.undisturbed, &self.result);
        if let Some(difference) = difference::first(&expected, &Outcome::of(disturbed, &result)) {
            panic!(
                "the resumed job did not bring about the same as an undisturbed one.\n  stopped:     {place}\n{difference}"
            );
        }
    }

    /// Where attempts are ended: everywhere, or at as many places as the test allows.
    fn stops(&self) -> Vec<Stop> {
        let numbered = || (1u32..).zip(&self.calls);
        let told = numbered().filter(|(_, call)| call.answers()).map(|(number, _)| Stop::Told(number));
        // One more than there are calls: killed at the end.
        let killed = (1..=self.calls.len() as u32 + 1).map(Stop::Killed);
        let max = self.undisturbed.stops_max.max(1);
        if told.clone().count() + self.calls.len() < max {
            return told.chain(killed).collect();
        }
        let saves = numbered().filter(|(_, call)| **call == Call::Save);
        let saves: Vec<_> = saves.map(|(number, _)| Stop::Told(number)).collect();
        let others: Vec<_> = told.chain(killed).filter(|stop| !saves.contains(stop)).collect();
        let (at_saves, elsewhere) = (max.div_ceil(2).min(saves.len()), max / 2);
        spread(&saves, at_saves).chain(spread(&others, elsewhere.max(1))).collect()
    }

    fn place(&self, stop: Stop) -> Place {
        let of = self.calls.len();
        let call = |number: u32| match self.calls.get(number as usize - 1) {
            Some(call) => {
                let before =
                    self.calls[..number as usize - 1].iter().filter(|call| **call == Call::Save).count();
                format!("call {number} of {of} ({}), after {before} saves", call.name())
            }
            None => format!("its end, after all {of} calls"),
        };
        let what = match stop {
            Stop::Told(number) => format!("told to stop at {}", call(number)),
            Stop::Killed(number) => format!("killed at {}", call(number)),
            other => format!("{other:?}"),
        };
        Place { what, pass: self.interval }
    }
}

/// Up to `count` of `all`, evenly spread.
fn spread<T: Copy>(all: &[T], count: usize) -> impl Iterator<Item = T> {
    let count = count.min(all.len());
    (0..count).map(move |index| all[index * all.len() / count])
}

fn with_interval(host: TestHost, interval: Option<u64>) -> TestHost {
    match interval {
        Some(steps) => host.save_every(steps),
        None => host,
    }
}

fn ended(end: Option<crate::Result<Json>>) -> String {
    match end {
        Some(Ok(result)) => format!("it ended with the result {result}"),
        Some(Err(error)) => format!("it ended with the error: {error}"),
        None => "it was killed".into(),
    }
}

/// Where an attempt was ended, for people.
struct Place {
    what: String,
    pass: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        match self.pass {
            Some(1) => f.write_str("; saves due at every step"),
            Some(steps) => write!(f, "; saves due at every {steps} steps"),
            None => f.write_str("; the job's own distance between saves"),
        }
    }
}
