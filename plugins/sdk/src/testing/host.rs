//! The commit rule, kept in memory.

use super::packed::{self, Flat};
use crate::bindings::longshore::job::data::PackedRows;
use crate::data::{Column, Value};
use crate::host::{Host, HostArtifact, HostCursor, Signal};
use crate::{HostError, Level, Message, TaskInfo};
use rusqlite::Connection;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// 20 November 2026, 10:00 UTC: tests see one time.
const CREATED_AT_MS: u64 = 1_795_168_800_000;

type Files = BTreeMap<String, Vec<u8>>;

/// One task's committed effects, and those of the attempt under way.
#[derive(Default)]
pub(super) struct MemoryHost {
    pub(super) sources: RefCell<BTreeMap<String, Connection>>,
    pub(super) secrets: RefCell<BTreeMap<String, String>>,
    pub(super) refused_recipients: RefCell<BTreeSet<String>>,
    pub(super) batch_rows: Cell<u32>,
    pub(super) stop_after: Cell<Option<u32>>,
    pub(super) no_revisions: Cell<bool>,
    attempts: Cell<u32>,
    saved_by: Rc<Cell<u32>>,
    /// Calls that could have said to stop, and which of them were saves.
    pub(super) calls: Cell<u32>,
    pub(super) save_calls: RefCell<Vec<u32>>,
    pub(super) log: RefCell<Vec<String>>,

    checkpoint: RefCell<Option<(u32, Vec<u8>)>>,
    pub(super) artifacts: RefCell<Files>,
    pub(super) messages: RefCell<Vec<Message>>,

    written: Rc<RefCell<Files>>,
    sent: RefCell<Vec<Message>>,
}

impl MemoryHost {
    pub(super) fn begin_attempt(&self) {
        self.attempts.set(self.attempts.get() + 1);
        self.written.borrow_mut().clone_from(&self.artifacts.borrow());
        self.sent.borrow_mut().clone_from(&self.messages.borrow());
    }

    pub(super) fn end_attempt(&self, successful: bool) {
        if successful {
            self.commit();
        }
    }

    fn commit(&self) {
        self.artifacts.borrow_mut().clone_from(&self.written.borrow());
        self.messages.borrow_mut().clone_from(&self.sent.borrow());
    }

    fn signal(&self) -> Signal {
        self.calls.set(self.calls.get() + 1);
        let Some(left) = self.stop_after.get() else { return Signal::Proceed };
        let left = left - 1;
        self.stop_after.set((left > 0).then_some(left));
        if left > 0 { Signal::Proceed } else { Signal::Stop }
    }
}

impl Host for MemoryHost {
    fn task(&self) -> TaskInfo {
        TaskInfo {
            id: "test-task".into(),
            job_type: "test".into(),
            attempt: self.attempts.get(),
            created_at_ms: CREATED_AT_MS,
            deadline_ms: CREATED_AT_MS + 600_000,
            resumed_from: self.checkpoint.borrow().as_ref().map(|(attempt, _)| *attempt),
        }
    }

    fn report(&self, _: u64, _: Option<u64>, _: &str) -> Signal {
        self.signal()
    }

    fn load(&self) -> Option<Vec<u8>> {
        self.checkpoint.borrow().as_ref().map(|(_, state)| state.clone())
    }

    fn save(&self, state: &[u8]) -> Signal {
        self.save_calls.borrow_mut().push(self.calls.get() + 1);
        *self.checkpoint.borrow_mut() = Some((self.attempts.get(), state.to_vec()));
        self.saved_by.set(self.attempts.get());
        self.commit();
        self.signal()
    }

    fn log(&self, level: Level, message: &str) {
        self.log.borrow_mut().push(format!("{level:?}: {message}"));
    }

    fn open_artifact(&self, name: &str, _: &str) -> Result<Box<dyn HostArtifact>, HostError> {
        let wrong = |c: char| c == '/' || c == '\\' || c.is_control();
        if name.is_empty() || name.chars().count() > 128 || name.contains(wrong) || name.starts_with('.') {
            return Err(error("invalid_name", &format!("`{name}` is no plain file name")));
        }
        self.written.borrow_mut().entry(name.into()).or_default();
        let saved_by = Rc::clone(&self.saved_by);
        Ok(Box::new(MemoryArtifact {
            name: name.into(),
            files: Rc::clone(&self.written),
            attempt: self.attempts.get(),
            saved_by,
        }))
    }

    fn sources(&self) -> Vec<String> {
        self.sources.borrow().keys().cloned().collect()
    }

    fn query(&self, source: &str, sql: &str, params: &[Value]) -> Result<Box<dyn HostCursor>, HostError> {
        let sources = self.sources.borrow();
        let database = sources.get(source).ok_or_else(|| error("source_unavailable", &source))?;
        let (columns, rows) = packed::query(database, sql, params).map_err(|e| error("query_failed", &e))?;
        let batch_rows = match self.batch_rows.get() {
            0 => u32::MAX,
            rows => rows,
        };
        Ok(Box::new(MemoryCursor { columns, rows: RefCell::new(rows), batch_rows }))
    }

    fn revision(&self, source: &str) -> Result<Option<String>, HostError> {
        let sources = self.sources.borrow();
        let database = sources.get(source).ok_or_else(|| error("source_unavailable", &source))?;
        let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let schema = pragma("schema_version").map_err(|e| error("source_unavailable", &e))?;
        let others = pragma("data_version").map_err(|e| error("source_unavailable", &e))?;
        let revision = format!("{} {schema} {others}", database.total_changes());
        Ok((!self.no_revisions.get()).then_some(revision))
    }

    fn send(&self, message: &Message) -> Result<(), HostError> {
        let mut sent = self.sent.borrow_mut();
        if sent.iter().any(|other| other.key == message.key) {
            return Err(error("duplicate_key", &format!("`{}` was sent already", message.key)));
        }
        if self.refused_recipients.borrow().contains(&message.recipient) {
            let problem = format!("`{}` cannot be written to", message.recipient);
            return Err(error("invalid_recipient", &problem));
        }
        sent.push(message.clone());
        Ok(())
    }

    fn secret(&self, name: &str) -> Result<String, HostError> {
        let secrets = self.secrets.borrow();
        secrets
            .get(name)
            .cloned()
            .ok_or_else(|| error("secret_unavailable", &format!("there is no `{name}`")))
    }
}

fn error(code: &str, message: &impl ToString) -> HostError {
    HostError { code: code.into(), message: message.to_string() }
}

struct MemoryArtifact {
    name: String,
    files: Rc<RefCell<Files>>,
    attempt: u32,
    /// Number of the attempt that saved last.
    saved_by: Rc<Cell<u32>>,
}

impl HostArtifact for MemoryArtifact {
    fn position(&self) -> u64 {
        self.files.borrow()[&self.name].len() as u64
    }

    fn write(&self, bytes: &[u8]) {
        self.files.borrow_mut().get_mut(&self.name).expect("it was opened").extend_from_slice(bytes);
    }

    fn clear(&self) -> Result<(), HostError> {
        if self.saved_by.get() == self.attempt {
            return Err(error("saved_already", &"this attempt has saved"));
        }
        self.files.borrow_mut().insert(self.name.clone(), Vec::new());
        Ok(())
    }
}

struct MemoryCursor {
    columns: Vec<Column>,
    rows: RefCell<VecDeque<Vec<Flat>>>,
    batch_rows: u32,
}

impl HostCursor for MemoryCursor {
    fn columns(&self) -> Vec<Column> {
        self.columns.clone()
    }

    fn next_packed(&self, max_rows: u32) -> Result<PackedRows, HostError> {
        let mut rows = self.rows.borrow_mut();
        let count = rows.len().min(max_rows.min(self.batch_rows) as usize);
        Ok(packed::pack(rows.drain(..count)))
    }
}
