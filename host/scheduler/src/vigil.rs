//! Tells when the age of a lease says nothing about its worker: after a time in which the database could not be written,
//! this process stood still, or the clock jumped. Those who hold leases were kept from renewing them then, and need a
//! moment to do so. Pure: both clocks are passed in.

use std::time::{Duration, Instant};

use longshore_domain::Timestamp;

/// Leases for which doubts last at most without a look that raises none: whoever always has doubts would never recover
/// what a dead worker left.
const DOUBTS_MAX: u32 = 5;

/// Watches the time from one look to the next.
#[derive(Debug)]
pub(crate) struct Vigil {
    lease: Duration,
    last: Option<(Instant, Timestamp)>,
    doubts: Option<Doubts>,
}

#[derive(Clone, Copy, Debug)]
struct Doubts {
    since: Instant,
    until: Instant,
}

impl Vigil {
    /// A vigil over leases of that length. Its first look has no doubts: what a start finds is as old as it looks.
    pub(crate) fn new(lease: Duration) -> Self {
        Self { lease, last: None, doubts: None }
    }

    /// Looks at both clocks, and says whether the age of a lease can be trusted.
    pub(crate) fn look(&mut self, at: Instant, now: Timestamp) -> bool {
        if let Some((last_at, last_now)) = self.last.replace((at, now)) {
            let passed = at.duration_since(last_at);
            if passed > self.lease / 2 || step(passed, last_now, now) > self.lease / 2 {
                self.doubt(at);
            }
        }
        match self.doubts {
            Some(doubts) if at < doubts.until => false,
            _ => {
                self.doubts = None;
                true
            }
        }
    }

    /// Notes that the database could not be written. That can go on for as long as it may: nobody could recover anything
    /// meanwhile, and once it is over those who hold leases have one lease of time.
    pub(crate) fn cannot_write(&mut self, at: Instant) {
        self.doubts = Some(Doubts { since: at, until: at + self.lease });
    }

    fn doubt(&mut self, at: Instant) {
        let since = self.doubts.map_or(at, |doubts| doubts.since);
        let until = (at + self.lease).min(since + self.lease * DOUBTS_MAX);
        self.doubts = Some(Doubts { since, until });
    }
}

/// By how much the wall clock went another way than time did.
pub(crate) fn step(passed: Duration, before: Timestamp, now: Timestamp) -> Duration {
    let expected = before.after(passed);
    now.since(expected).max(expected.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(6);

    struct Watched {
        vigil: Vigil,
        at: Instant,
        now: Timestamp,
    }

    impl Watched {
        fn new() -> Self {
            let mut watched =
                Self { vigil: Vigil::new(LEASE), at: Instant::now(), now: Timestamp::from_ms(1 << 40) };
            assert!(watched.look(0, 0), "a start trusts what it finds");
            watched
        }

        /// Lets time pass, and the clock go on by as much and `step_ms`.
        fn look(&mut self, passed_ms: u64, step_ms: i64) -> bool {
            self.at += Duration::from_millis(passed_ms);
            self.now = Timestamp::from_ms(self.now.ms() + passed_ms as i64 + step_ms);
            self.vigil.look(self.at, self.now)
        }
    }

    #[test]
    fn leases_are_trusted_while_time_goes_by_as_it_should() {
        let mut watched = Watched::new();
        assert!((0..100).all(|_| watched.look(1_000, 20)));
    }

    #[test]
    fn after_a_pause_or_a_step_of_the_clock_holders_get_one_lease_of_time() {
        for (passed, step) in [(60_000, 0), (1_000, 3_600_000), (1_000, -3_600_000)] {
            let mut watched = Watched::new();
            assert!(!watched.look(passed, step), "{passed} {step}");
            assert!((0..5).all(|_| !watched.look(1_000, 0)), "{passed} {step}");
            assert!(watched.look(1_000, 0), "{passed} {step}");
        }
    }

    #[test]
    fn doubts_end_although_their_cause_does_not() {
        let mut watched = Watched::new();
        let trusted = (0..30).filter(|_| watched.look(4_000, 0)).count();
        assert!((1..6).contains(&trusted), "{trusted}");
    }

    #[test]
    fn a_database_that_cannot_be_written_raises_doubts() {
        let mut watched = Watched::new();
        for _ in 0..20 {
            watched.vigil.cannot_write(watched.at);
            assert!(!watched.look(2_000, 0), "however long that lasts");
        }
        watched.vigil.cannot_write(watched.at);
        assert!(!watched.look(1_000, 0));
        assert!(!watched.look(2_900, 0));
        assert!(watched.look(2_900, 0));
    }
}
