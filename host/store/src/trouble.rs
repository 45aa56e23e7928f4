//! Tells the operator of a machine that fails: once when it begins, from time to time while it lasts, and when it is over.
//! What asks the store asks again and again; a line for each would bury the one that matters.

use std::time::{Duration, Instant};

use longshore_domain::StoreError;

/// How often a trouble that lasts is told of.
const REMIND: Duration = Duration::from_secs(60);

/// The trouble that writes are in, if any.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    now: Option<Ongoing>,
}

#[derive(Debug)]
struct Ongoing {
    code: &'static str,
    began: Instant,
    told: Instant,
    failures: u64,
}

impl Trouble {
    /// Notes that a batch failed. Says whether it was told of here, or is an everyday error of one command.
    pub(crate) fn note(&mut self, error: &StoreError) -> bool {
        let code = error.code();
        let is_of_the_machine =
            error.may_pass() || matches!(error, StoreError::Corrupt(_) | StoreError::NotOurs(_));
        if !is_of_the_machine {
            return false;
        }
        let now = Instant::now();
        let advice = error.advice().unwrap_or_default();
        match &mut self.now {
            Some(ongoing) if ongoing.code == code => {
                ongoing.failures += 1;
                if now.duration_since(ongoing.told) >= REMIND {
                    ongoing.told = now;
                    let (failures, seconds) = (ongoing.failures, ongoing.began.elapsed().as_secs());
                    tracing::error!(code, failures, seconds, "still no writing: {error}; {advice}");
                }
            }
            _ => {
                tracing::error!(code, "nothing can be written, and nothing new is taken: {error}; {advice}");
                self.now = Some(Ongoing { code, began: now, told: now, failures: 1 });
            }
        }
        true
    }

    /// Notes that a batch was committed.
    pub(crate) fn over(&mut self) {
        if let Some(Ongoing { code, began, failures, .. }) = self.now.take() {
            tracing::info!(
                code,
                failures,
                seconds = began.elapsed().as_secs(),
                "the task database can be written again"
            );
        }
    }

    /// Whether another program was in the way the last time.
    pub(crate) fn is_busy(&self) -> bool {
        self.now.as_ref().is_some_and(|ongoing| ongoing.code == "store_busy")
    }
}
