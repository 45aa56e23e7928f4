//! What a running job has at hand.

use crate::data::Source;
use crate::host::{Host, Signal};
use crate::job::StateFormat;
use crate::{Artifact, HostError, JobError, Level, Message, Result, TaskInfo};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

/// What a running job has at hand. `S` is the job's state.
pub struct Context<S> {
    host: Rc<dyn Host>,
    format: StateFormat,
    /// Every artifact that this attempt opened: a save commits what was written, so it must have all of it.
    artifacts: RefCell<BTreeMap<String, Artifact>>,
    state: PhantomData<fn(S) -> S>,
}

impl<S> Context<S> {
    pub(crate) fn new(host: Rc<dyn Host>, format: StateFormat) -> Self {
        Self { host, format, artifacts: RefCell::default(), state: PhantomData }
    }

    /// The task that is running: its id, when it was submitted, which attempt this is.
    pub fn task(&self) -> TaskInfo {
        self.host.task()
    }

    /// Says how far the job is: `done` of `total` of whatever the job counts, and a short line for people. Cheap,
    /// so call it often; it is also how a job hears that it was cancelled, which `?` passes on.
    pub fn progress<N: TryInto<u64>>(
        &self,
        done: N,
        total: impl Into<Total<N>>,
        message: &str,
    ) -> Result<()> {
        let number = |n: N| n.try_into().unwrap_or(u64::MAX);
        go_on(self.host.report(number(done), total.into().0.map(number), message))
    }

    /// Adds a line to the task's log; the macros [`debug!`](crate::debug), [`info!`](crate::info),
    /// [`warn!`](crate::warn) and [`error!`](crate::error) format one.
    pub fn log(&self, level: Level, message: &str) {
        self.host.log(level, message);
    }

    /// Opens a file to write to. In a resumed attempt a file that was part of the last save goes on where that
    /// save left it, any other starts empty. Opening a file again gives the same one.
    pub fn artifact(&self, name: &str, media_type: &str) -> Result<Artifact, HostError> {
        if let Some(open) = self.artifacts.borrow().get(name) {
            return Ok(open.clone());
        }
        let artifact = Artifact::new(self.host.open_artifact(name, media_type)?);
        self.artifacts.borrow_mut().insert(name.to_owned(), artifact.clone());
        Ok(artifact)
    }

    /// Names of the data sources that this job was granted, sorted.
    pub fn sources(&self) -> Vec<String> {
        self.host.sources()
    }

    /// The granted source of that name; without a name, the only one there is. Anything else is an invalid input
    /// that lists the choice.
    pub fn source(&self, name: Option<&str>) -> Result<Source> {
        let granted = self.sources();
        let found = match (name, granted.as_slice()) {
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
            (Some(name), _) => granted.iter().find(|source| *source == name).cloned(),
        };
        found.map(|name| Source::new(Rc::clone(&self.host), name)).ok_or_else(|| {
            let choice = granted.join(", ");
            JobError::InvalidInput(match (name, granted.is_empty()) {
                (_, true) => "no data source is granted to this job; its operator has to grant one".into(),
                (None, _) => format!("`source` is needed, because there are several: {choice}"),
                (Some(name), _) => format!("there is no source `{name}` for this job; it has: {choice}"),
            })
        })
    }

    /// Puts a message into the outbox, to be delivered after the next commit. A key that this task has used
    /// already gives an error of the code `duplicate_key`; see [`HostError::is_duplicate_key`]. For a recipient that cannot be
    /// written to see [`HostError::is_bad_recipient`].
    pub fn send(&self, message: &Message) -> Result<(), HostError> {
        self.host.send(message)
    }

    /// A secret that the operator named and granted. Keep it nowhere: what has it in a checkpoint, a message or a result
    /// ends the attempt.
    pub fn secret(&self, name: &str) -> Result<String, HostError> {
        self.host.secret(name)
    }

    /// The state as bytes, for a job that writes it in a form of its own.
    pub fn load_bytes(&self) -> Option<Vec<u8>> {
        self.host.load()
    }

    /// As [`save`](Self::save), for a job that writes its state in a form of its own.
    pub fn save_bytes(&self, state: &[u8]) -> Result<()> {
        self.hand_over_artifacts("a save")?;
        go_on(self.host.save(state))
    }

    /// Whether to save now that `done` steps are done: at each multiple of `every`.
    ///
    /// Count the steps from the start of the job (keep the number in the state), one by one, so that the work alone
    /// defines the places. Prefer this to a comparison of your own: [`assert_resumes`](crate::testing::assert_resumes)
    /// makes `every` smaller, so that a few rows are enough to test a save.
    pub fn save_due(&self, done: u64, every: u64) -> bool {
        done > 0 && done.is_multiple_of(self.save_interval(every))
    }

    /// The distance between two saves: `every`, or less where a test says so. For a job that has more to decide than
    /// [`save_due`](Self::save_due) does; never 0.
    pub fn save_interval(&self, every: u64) -> u64 {
        self.host.save_interval(every).max(1)
    }

    /// Passes to the host what its artifacts still buffer, which is only possible when nothing else buffers for them.
    pub(crate) fn hand_over_artifacts(&self, when: &str) -> Result<()> {
        for (name, artifact) in self.artifacts.borrow().iter() {
            if artifact.has_open_writer() {
                return Err(JobError::failed(format!(
                    "`{name}` has an open writer at {when}; what a buffer, a csv::Writer or an encoder around it holds \
                     would be lost. Finish or drop it before, and open another with `artifact.writer()` afterwards"
                )));
            }
            artifact.hand_over();
        }
        Ok(())
    }
}

impl<S: Serialize + DeserializeOwned> Context<S> {
    /// The state that was saved last, by an earlier attempt or this one; none at the very start.
    pub fn load(&self) -> Result<Option<S>> {
        let Some(bytes) = self.load_bytes() else { return Ok(None) };
        let state = match self.format {
            StateFormat::Json => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            StateFormat::Compact => postcard::from_bytes(&bytes).map_err(|error| error.to_string()),
        };
        state.map(Some).map_err(|error| {
            JobError::failed(format!(
                "the checkpoint cannot be read ({error}); it was probably saved by another version of the job"
            ))
        })
    }

    /// Commits `state` together with everything written and sent so far. When it returns, all of that is on disk
    /// and a next attempt starts from here. It costs an fsync or two, so call it every second or so of work.
    ///
    /// When the job was cancelled it answers [`JobError::Cancelled`]; the state is saved nevertheless. Fails while a
    /// writer of an artifact is open ([`Artifact::writer`]), because what it buffers would not be saved.
    pub fn save(&self, state: &S) -> Result<()> {
        let bytes = match self.format {
            StateFormat::Json => serde_json::to_vec(state)?,
            StateFormat::Compact => postcard::to_stdvec(state)?,
        };
        self.save_bytes(&bytes)
    }
}

/// How many there are to do: a number, `Some` number, or `None` while it is not known.
pub struct Total<N>(Option<N>);

impl<N> From<Option<N>> for Total<N> {
    fn from(total: Option<N>) -> Self {
        Self(total)
    }
}

macro_rules! total_from {
    ($($number:ty)*) => {
        $(impl From<$number> for Total<$number> {
            fn from(total: $number) -> Self {
                Self(Some(total))
            }
        })*
    };
}
total_from!(u64 usize u32 i64 i32);

impl HostError {
    /// Whether the task has sent a message of that key already. A job that sends again after it was resumed can
    /// ignore it.
    pub fn is_duplicate_key(&self) -> bool {
        self.code == "duplicate_key"
    }

    /// Whether the message was fine but for its recipient: one that the channel cannot reach, or that the job was not granted.
    /// A job that writes to many can report this one and go on.
    pub fn is_bad_recipient(&self) -> bool {
        matches!(self.code.as_str(), "invalid_recipient" | "recipient_not_granted")
    }
}

fn go_on(signal: Signal) -> Result<()> {
    match signal {
        Signal::Proceed => Ok(()),
        Signal::Stop => Err(JobError::Cancelled),
    }
}
