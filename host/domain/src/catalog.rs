//! The job types that are live, as one immutable value.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::{ComponentSha, JobProgram, JobType, JobTypeName, Policy};

/// A job type that can be run.
#[derive(Clone)]
pub struct LoadedJob {
    /// What its component says of itself.
    pub job_type: JobType,
    /// What its operator allows it.
    pub policy: Policy,
    /// Which component it is.
    pub component: ComponentSha,
    /// The code. A running attempt keeps the one it began with.
    pub program: Arc<dyn JobProgram>,
}

impl std::fmt::Debug for LoadedJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedJob")
            .field("name", &self.job_type.name)
            .field("version", &self.job_type.version)
            .field("component", &self.component)
            .finish_non_exhaustive()
    }
}

/// Code of the problem of a plugin that is being compiled for the first time.
pub const LOADING: &str = "loading";

/// A plugin file that is not served as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file's name within the plugin folder.
    pub file: String,
    /// Stable code: `blocked` (asks for more than it is granted), `disabled`, `invalid_component`, `invalid_policy`,
    /// `unreadable`, `wrong_world`, `wrong_name`, `invalid_schema`, `describe_failed`, `too_large`, `compile_failed`,
    /// `untrusted` (not accepted by the operator), `component_missing` (a policy alone), or `loading` while it is compiled for
    /// the first time. Of a warning: `unmatched_grant`.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Version that is served instead, if an earlier one is.
    pub serving: Option<String>,
}

/// The live job types, and what keeps other files from being live. Never changed, only replaced.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Grows by one with each replacement.
    pub revision: u64,
    /// Job types by name.
    pub jobs: BTreeMap<JobTypeName, Arc<LoadedJob>>,
    /// Problems by file stem.
    pub problems: BTreeMap<String, Problem>,
    /// By file stem: what is odd about job types that are served all the same.
    pub warnings: BTreeMap<String, Problem>,
}

impl Catalog {
    /// Whether the very same job types are live in both, whatever their problems.
    pub fn offers_the_same(&self, other: &Self) -> bool {
        self.jobs.len() == other.jobs.len()
            && self
                .jobs
                .iter()
                .all(|(name, job)| other.jobs.get(name).is_some_and(|theirs| Arc::ptr_eq(job, theirs)))
    }

    /// Whether a job type of that name is live, or will be once its plugin is compiled.
    pub fn will_run(&self, name: &str) -> bool {
        self.job(name).is_some() || self.is_loading(name)
    }

    /// Whether the plugin of that name is being compiled for the first time.
    pub fn is_loading(&self, name: &str) -> bool {
        self.problems.get(name).is_some_and(|problem| problem.code == LOADING)
    }

    /// The job type of that name.
    pub fn job(&self, name: &str) -> Option<&Arc<LoadedJob>> {
        self.jobs.get(name)
    }
}
