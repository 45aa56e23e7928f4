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
//! The host keeps the commit rule: what is not saved when an attempt ends badly is gone. [`TestHost::stop_after`]
//! ends an attempt at any of the calls where that can happen, and [`assert_resumes`] tries them all.

mod host;
mod packed;

use crate::adapter;
use crate::{Context, Job, JobError, Message, Result};
use host::MemoryHost;
use rusqlite::Connection;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How many calls [`assert_resumes`] stops at beside those near a save.
const SPREAD_STOPS: u32 = 12;

/// A host in memory with one task. Each [`run`](Self::run) is an attempt of it.
pub struct TestHost {
    memory: Rc<MemoryHost>,
}

impl Default for TestHost {
    fn default() -> Self {
        Self::new()
    }
}

impl TestHost {
    /// A host without sources.
    pub fn new() -> Self {
        Self { memory: Rc::default() }
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

    /// Tells the next attempt to stop at its call number `calls` (from 1) of those that can say so: a report of
    /// progress or a save. To what is committed that is the same as killing it there.
    pub fn stop_after(self, calls: u32) -> Self {
        self.set_stop_after(calls);
        self
    }

    /// As [`stop_after`](Self::stop_after), for another attempt of the same task.
    pub fn set_stop_after(&self, calls: u32) {
        self.memory.stop_after.set(Some(calls));
    }

    /// Runs an attempt, and gives the job's result as JSON.
    pub fn run<J: Job>(&self, input: &Json) -> Result<Json> {
        self.memory.begin_attempt();
        let ctx = Context::<J::State>::new(Rc::clone(&self.memory) as _, J::STATE_FORMAT);
        let result = adapter::run::<J>(&ctx, &input.to_string());
        self.memory.end_attempt(result.is_ok());
        Ok(serde_json::from_str(&result?)?)
    }

    /// The bytes of an artifact as they were committed. Panics if there is none of that name.
    pub fn artifact(&self, name: &str) -> Vec<u8> {
        let artifacts = self.memory.artifacts.borrow();
        let names = || artifacts.keys().cloned().collect::<Vec<_>>().join(", ");
        artifacts.get(name).unwrap_or_else(|| panic!("no artifact `{name}`; there is: {}", names())).clone()
    }

    /// Names of the committed artifacts, sorted.
    pub fn artifact_names(&self) -> Vec<String> {
        self.memory.artifacts.borrow().keys().cloned().collect()
    }

    /// The committed messages, in the order in which they were sent.
    pub fn messages(&self) -> Vec<Message> {
        self.memory.messages.borrow().clone()
    }

    /// The log's lines, of all attempts.
    pub fn log(&self) -> Vec<String> {
        self.memory.log.borrow().clone()
    }

    /// How often the job saved, over all attempts.
    pub fn saves(&self) -> usize {
        self.memory.save_calls.borrow().len()
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

/// Runs a job undisturbed, then again and again with an attempt stopped at a call where that can happen: at each
/// save, right before and after it, and at others spread over the whole. Panics unless each gives the same result,
/// artifacts and messages as the undisturbed one. Gives the undisturbed host and its result.
pub fn assert_resumes<J: Job>(host: impl Fn() -> TestHost, input: &Json) -> (TestHost, Json) {
    let undisturbed = host();
    let result = undisturbed.run::<J>(input).expect("the job succeeds when undisturbed");
    let calls = undisturbed.memory.calls.get();
    let saves = undisturbed.memory.save_calls.borrow();
    let near_saves = saves.iter().flat_map(|save| save - 1..=save + 1);
    let spread = (1..=calls).step_by((calls / SPREAD_STOPS + 1) as usize).chain([calls]);
    let stops: BTreeSet<u32> = near_saves.chain(spread).filter(|call| (1..=calls).contains(call)).collect();
    for call in stops {
        let disturbed = host().stop_after(call);
        let first = disturbed.run::<J>(input);
        assert_eq!(first, Err(JobError::Cancelled), "the job went on when told to stop at call {call}");
        let second = disturbed.run::<J>(input).expect("the job succeeds when resumed");
        assert_eq!(second, result, "the result differs when stopped at call {call}");
        assert_eq!(disturbed.artifact_names(), undisturbed.artifact_names(), "stopped at call {call}");
        for name in undisturbed.artifact_names() {
            let same = disturbed.artifact(&name) == undisturbed.artifact(&name);
            assert!(same, "`{name}` differs when stopped at call {call}");
        }
        assert_eq!(disturbed.messages(), undisturbed.messages(), "stopped at call {call}");
    }
    drop(saves);
    (undisturbed, result)
}
