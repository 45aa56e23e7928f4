//! One guest that misbehaves, for as long as the good tasks beside it run.

use std::fs;
use std::time::{Duration, Instant};

use longshore_bench::Result;
use longshore_bench::project::Project;
use serde_json::{Value, json};

use crate::components::varied;
use crate::desk::{Desk, has_ended, job_id};
use crate::guests::{End, Guest};
use crate::project::{Ground, put};

/// How long a plugin may take to be refused: `describe` has five seconds, and a busy machine takes its time to compile.
const REFUSAL: Duration = Duration::from_secs(60);
/// How often it is asked whether a plugin was refused, which nothing tells of.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Intruder<'a> {
    guest: &'static Guest,
    ground: &'a Ground<'a>,
    project: &'a Project,
    /// How often it came.
    visits: u8,
    /// Its job that has not ended, and whether its status is being watched.
    job: Option<String>,
    /// How it ended, each time.
    pub(crate) ends: Vec<Ended>,
}

/// How a guest ended.
pub(crate) struct Ended {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl<'a> Intruder<'a> {
    pub(crate) fn new(guest: &'static Guest, ground: &'a Ground<'a>, project: &'a Project) -> Self {
        Self { guest, ground, project, visits: 0, job: None, ends: Vec::new() }
    }

    /// Begins to misbehave; returns when it does.
    pub(crate) fn come(&mut self, desk: &mut Desk) -> Result<()> {
        self.visits += 1;
        if self.guest.end == End::Refused {
            // The cache knows a component that it has seen. This one is new each time.
            let component = varied(&self.ground.component(self.guest.name)?, self.visits);
            return put(self.project, self.guest.name, &component, &self.guest.policy_file());
        }
        let job = desk.submit(self.guest.name)?;
        let status = desk.until(&job, |status| status["status"] != "queued")?;
        self.heard(desk, &status)
    }

    /// Takes the status of its job. Where that has ended, it begins anew.
    pub(crate) fn heard(&mut self, desk: &mut Desk, status: &Value) -> Result<()> {
        let mut job = job_id(status)?.to_owned();
        if has_ended(status) {
            self.ends.push(ended(status));
            job = desk.submit(self.guest.name)?;
        }
        desk.watch(&job)?;
        self.job = Some(job);
        Ok(())
    }

    /// Sees what is still there of it to its end.
    pub(crate) fn leave(&mut self, desk: &mut Desk) -> Result<()> {
        if self.guest.end == End::Refused {
            return self.be_refused(desk);
        }
        let Some(job) = self.job.take() else { return Ok(()) };
        if self.guest.end == End::Cancelled {
            desk.call("cancel_job", &json!({ "job_id": job }))?;
        }
        loop {
            let status = desk.hear()?;
            if has_ended(&status) {
                self.ends.push(ended(&status));
                return Ok(());
            }
            desk.watch(&job)?;
        }
    }

    /// Waits until the plugin is refused, takes it away, and waits until that is seen.
    fn be_refused(&mut self, desk: &mut Desk) -> Result<()> {
        let found = eventually(desk, |types| problem(types, self.guest).cloned())?;
        self.ends.push(refused(&found));
        fs::remove_file(self.project.folder().join("plugins").join(self.guest.name).with_extension("wasm"))?;
        eventually(desk, |types| problem(types, self.guest).is_none().then_some(()))
    }
}

/// How a job ended.
pub(crate) fn ended(status: &Value) -> Ended {
    let text = |name: &str| status["error"][name].as_str().map(ToOwned::to_owned);
    let state = status["status"].as_str().unwrap_or_default();
    // What ends well, and what is cancelled, has no code but its state.
    let code = text("code").filter(|_| state == "failed").unwrap_or_else(|| state.to_owned());
    Ended { code, message: text("message").unwrap_or_default() }
}

/// How a plugin was refused.
pub(crate) fn refused(problem: &Value) -> Ended {
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    Ended { code: text("code"), message: text("message") }
}

/// Why a guest is not served, if it is not. One that is being compiled is only not served yet.
pub(crate) fn problem<'a>(job_types: &'a Value, guest: &Guest) -> Option<&'a Value> {
    let file = format!("{}.wasm", guest.name);
    let mut problems = job_types["problems"].as_array()?.iter();
    problems.find(|problem| problem["file"] == file && problem["code"] != "loading")
}

/// Asks until the job types are as wanted.
pub(crate) fn eventually<T>(desk: &mut Desk, wanted: impl Fn(&Value) -> Option<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        let types = desk.job_types()?;
        if let Some(found) = wanted(&types) {
            return Ok(found);
        }
        if began.elapsed() > REFUSAL {
            return Err(format!("waited in vain for a plugin; not served are {}", types["problems"]).into());
        }
        std::thread::sleep(LOOK);
    }
}
