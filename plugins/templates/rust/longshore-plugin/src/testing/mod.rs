//! A host in memory, to test a whole job natively.
//!
//! ```no_run
//! # use longshore_plugin::prelude::*;
//! # struct MyJob;
//! # impl Job for MyJob {
//! #     const NAME: &'static str = ""; const VERSION: &'static str = ""; const TITLE: &'static str = "";
//! #     const DESCRIPTION: &'static str = "";
//! #     type Input = (); type Output = (); type State = ();
//! #     fn run(_: &Context<()>, _: ()) -> Result<()> { Ok(()) }
//! # }
//! use longshore_plugin::testing::TestHost;
//!
//! let shop = "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2);";
//! let host = TestHost::new().source("shop", shop);
//! let result = host.run::<MyJob>(&serde_json::json!({ "table": "orders" })).unwrap();
//! assert_eq!(result["rows"], 2);
//! assert_eq!(host.artifact("orders.csv"), b"id\r\n1\r\n2\r\n");
//! ```
//!
//! The host keeps the commit rule: what is not saved when an attempt ends badly is gone. [`assert_resumes`] stops a job
//! at each of its calls and at each save, resumes it, and compares with an undisturbed run.

mod calls;
mod difference;
mod host;
mod packed;
mod resume;

pub use resume::assert_resumes;

use crate::adapter;
use crate::{Context, Job, JobError, Message, Result};
use calls::{Killed, Stop};
use host::MemoryHost;
use rusqlite::Connection;
use serde_json::Value as Json;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// How many attempts [`assert_resumes`] stops for each save interval, unless a test says otherwise.
const STOPS_MAX: usize = 2_000;

/// A host in memory with one task. Each [`run`](Self::run) is an attempt of it.
pub struct TestHost {
    memory: Rc<MemoryHost>,
    /// How the next attempt ends.
    next: Cell<Stop>,
    stops_max: usize,
}

impl Default for TestHost {
    fn default() -> Self {
        Self::new()
    }
}

impl TestHost {
    /// A host without sources.
    pub fn new() -> Self {
        Self { memory: Rc::default(), next: Cell::default(), stops_max: STOPS_MAX }
    }

    /// Adds a granted source: a SQLite database made by running `sql`.
    pub fn source(self, name: &str, sql: &str) -> Self {
        let database = Connection::open_in_memory().expect("a database in memory opens");
        database.execute_batch(sql).expect("the source's SQL is right");
        self.source_database(name, database)
    }

    /// Adds a granted source.
    pub fn source_database(self, name: &str, database: Connection) -> Self {
        self.memory.sources.borrow_mut().insert(name.into(), database);
        self
    }

    /// Has no revisions of sources, as the real host has none for some seconds after a write.
    pub fn without_revisions(self) -> Self {
        self.memory.no_revisions.set(true);
        self
    }

    /// Changes a source, as others may between two attempts, or while one is under way.
    pub fn change(&self, source: &str, sql: &str) {
        let sources = self.memory.sources.borrow();
        sources[source].execute_batch(sql).expect("the SQL of the change is right");
    }

    /// Adds a granted secret.
    pub fn secret(self, name: &str, text: &str) -> Self {
        self.memory.secrets.borrow_mut().insert(name.into(), text.into());
        self
    }

    /// Has messages to `recipient` refused, as a channel does that cannot reach it.
    pub fn refuse_recipient(self, recipient: &str) -> Self {
        self.memory.refused_recipients.borrow_mut().insert(recipient.into());
        self
    }

    /// Gives at most `rows` at a time, however many a job asks for.
    pub fn batches_of(self, rows: u32) -> Self {
        self.memory.batch_rows.set(rows);
        self
    }

    /// Begins with a checkpoint, as if an earlier attempt (of another version, say) had saved `state` and nothing else.
    pub fn saved_state(self, state: &[u8]) -> Self {
        self.memory.begin_with(state);
        self
    }

    /// Saves at every multiple of `steps` at the latest, for a job that asks [`Context::save_due`] or
    /// [`Context::save_interval`].
    pub fn save_every(self, steps: u64) -> Self {
        self.memory.save_interval_max.set(Some(steps));
        self
    }

    /// Has [`assert_resumes`] stop at most `stops` attempts for each save interval, evenly spread, and kill at most as
    /// many in its run of kills: for a job that takes long or makes many calls. The default is 2,000.
    pub fn stops_at_most(mut self, stops: usize) -> Self {
        self.stops_max = stops;
        self
    }

    /// Tells the next attempt to stop at its call number `calls` (from 1) of those that can say so: a report of
    /// progress or a save.
    pub fn stop_after(self, calls: u32) -> Self {
        self.set_stop_after(calls);
        self
    }

    /// As [`stop_after`](Self::stop_after), for another attempt of the same task.
    pub fn set_stop_after(&self, calls: u32) {
        self.next.set(Stop::ToldAtAnswer(calls));
    }

    /// Kills the next attempt in its call number `call` (from 1) of any kind, before that has an effect.
    pub fn kill_at(self, call: u32) -> Self {
        self.next.set(Stop::Killed(call));
        self
    }

    /// Runs an attempt and returns the job's result as JSON. One that is killed ([`kill_at`](Self::kill_at)) returns an
    /// error that is to be retried, as the host does for a lost process.
    pub fn run<J: Job>(&self, input: &Json) -> Result<Json> {
        self.attempt::<J>(input, self.next.take())
            .unwrap_or_else(|| Err(JobError::retry("the attempt was killed, as the test wanted")))
    }

    /// Runs an attempt that ends at `stop`. `None` if it was killed.
    fn attempt<J: Job>(&self, input: &Json, stop: Stop) -> Option<Result<Json>> {
        let memory = &self.memory;
        memory.begin_attempt();
        memory.calls.begin(stop);
        let run = || {
            let ctx = Context::<J::State>::new(Rc::clone(memory) as _, J::STATE_FORMAT);
            adapter::run::<J>(&ctx, &input.to_string())
        };
        // Everything that is seen afterwards is in `memory`, which has no state that a call leaves half changed.
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(result) if memory.calls.end() => {
                if result.is_ok() {
                    memory.commit();
                }
                Some(result.and_then(|output| Ok(serde_json::from_str(&output)?)))
            }
            Ok(_) => None,
            Err(panic) if panic.is::<Killed>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// The bytes of an artifact as they were committed. Panics if there is none of that name.
    pub fn artifact(&self, name: &str) -> Vec<u8> {
        let mut artifacts = self.memory.artifacts();
        artifacts
            .remove(name)
            .unwrap_or_else(|| panic!("no artifact `{name}`; there is: {}", self.artifact_names().join(", ")))
    }

    /// Names of the committed artifacts, sorted.
    pub fn artifact_names(&self) -> Vec<String> {
        self.memory.artifacts().into_keys().collect()
    }

    /// The committed messages, in the order in which they were sent.
    pub fn messages(&self) -> Vec<Message> {
        self.memory.messages()
    }

    /// The log's lines, of all attempts.
    pub fn log(&self) -> Vec<String> {
        self.memory.log.borrow().clone()
    }

    /// How often the job saved, over all attempts.
    pub fn saves(&self) -> usize {
        self.memory.saves.get() as usize
    }
}

/// What an agent would see of a job: name, title, description, schemas, permissions.
///
/// Panics if a schema is no JSON or does not describe an object.
pub fn assert_describes<J: Job>() {
    let description = adapter::describe::<J>();
    let snake_case = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(description.name.chars().all(snake_case), "`{}` is not snake_case", description.name);
    assert!(!description.title.is_empty() && !description.description.is_empty());
    for schema in [Some(&description.input_schema), description.output_schema.as_ref()].into_iter().flatten()
    {
        let schema: Json = serde_json::from_str(schema).expect("a schema is JSON");
        assert_eq!(schema["type"], "object", "{schema:#}");
    }
}
