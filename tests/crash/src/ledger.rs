//! What was submitted and what was acknowledged, seen by all clients of a campaign.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use serde_json::Value;

use crate::findings::{Findings, Harm};
use crate::jobs::{Job, Jobs};

/// One job in so many is sent again after it was acknowledged: it must be known by its key.
const AGAIN_ONE_IN: u32 = 12;

/// A job whose handle some client has.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) job_id: String,
    pub(crate) job: Job,
    /// Bytes of the record of changes when the handle was here, if something was recorded.
    pub(crate) recorded: u64,
}

/// The ledger of a campaign.
pub(crate) struct Ledger {
    inner: Mutex<Inner>,
    /// Says how long the record of changes is.
    recorded: Box<dyn Fn() -> u64 + Send + Sync>,
}

struct Inner {
    jobs: Jobs,
    rng: Rng,
    /// Sent, and not answered: the client cannot know whether they were taken.
    open: VecDeque<Job>,
    acknowledged: BTreeMap<String, Acknowledged>,
    findings: Findings,
    refusals: u64,
    closed: bool,
}

impl Ledger {
    pub(crate) fn new(jobs: Jobs, rng: Rng, recorded: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let inner = Inner {
            jobs,
            rng,
            open: VecDeque::new(),
            acknowledged: BTreeMap::new(),
            findings: Findings::default(),
            refusals: 0,
            closed: false,
        };
        Self { inner: Mutex::new(inner), recorded: Box::new(recorded) }
    }

    /// Jobs to send now: those without an answer first, now and then one that was acknowledged, else new ones.
    pub(crate) fn take(&self, count: usize) -> Vec<Job> {
        let mut inner = self.lock();
        (0..count).map(|_| inner.next()).collect()
    }

    /// Notes what became of a submission; without an answer it is to be sent again.
    pub(crate) fn settle(&self, job: Job, answer: Option<&Value>) {
        let recorded = (self.recorded)();
        let mut inner = self.lock();
        let Some(job_id) = answer.and_then(|answer| answer["structuredContent"]["job_id"].as_str()) else {
            if let Some(answer) = answer {
                inner.refusals += 1;
                if answer.to_string().contains("idempotency_conflict") {
                    inner.findings.add(Harm::Mismatched, format!("{} was refused: {answer}", job.key));
                }
            }
            inner.open.push_back(job);
            return;
        };
        match inner.acknowledged.get(&job.key) {
            Some(known) if known.job_id != job_id => {
                let what = format!("{} was {} and then {job_id}", job.key, known.job_id);
                inner.findings.add(Harm::Duplicated, what);
            }
            Some(_) => {}
            None => {
                let acknowledged = Acknowledged { job_id: job_id.to_owned(), job: job.clone(), recorded };
                inner.acknowledged.insert(job.key, acknowledged);
            }
        }
    }

    /// Ends all submitting.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// What was acknowledged, and what was wrong about answers.
    pub(crate) fn result(&self) -> (BTreeMap<String, Acknowledged>, Findings) {
        let mut inner = self.lock();
        (inner.acknowledged.clone(), std::mem::take(&mut inner.findings))
    }

    /// Answers that said no; a plugin that is not loaded yet is a reason.
    pub(crate) fn refusals(&self) -> u64 {
        self.lock().refusals
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next(&mut self) -> Job {
        if let Some(job) = self.open.pop_front() {
            return job;
        }
        if self.rng.u32(0..AGAIN_ONE_IN) == 0 {
            let at = self.rng.usize(0..=self.acknowledged.len());
            if let Some(known) = self.acknowledged.values().nth(at) {
                return known.job.clone();
            }
        }
        self.jobs.draw()
    }
}
