//! The commit rule, kept in memory.

use super::calls::{Call, Calls};
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

/// One task's effects: all that were written, and how much of that is committed.
#[derive(Default)]
pub(super) struct MemoryHost {
    pub(super) sources: RefCell<BTreeMap<String, Connection>>,
    pub(super) secrets: RefCell<BTreeMap<String, String>>,
    pub(super) refused_recipients: RefCell<BTreeSet<String>>,
    pub(super) batch_rows: Cell<u32>,
    pub(super) no_revisions: Cell<bool>,
    /// The largest distance between saves; `None` for what the job wants.
    pub(super) save_interval_max: Cell<Option<u64>>,
    /// Whether the job asked how far apart its saves are.
    pub(super) asked_for_interval: Cell<bool>,

    pub(super) calls: Rc<Calls>,
    attempts: Cell<u32>,
    /// Number of the attempt that saved last.
    saved_by: Rc<Cell<u32>>,
    pub(super) saves: Cell<u32>,
    pub(super) log: RefCell<Vec<String>>,

    checkpoint: RefCell<Option<(u32, Vec<u8>)>>,
    files: Rc<RefCell<Files>>,
    /// What files had before they were cleared. It counts again unless a save follows.
    cleared: Rc<RefCell<Files>>,
    sent: RefCell<Vec<Message>>,
    committed: RefCell<Committed>,
}

/// The lengths to which a next attempt cuts back.
#[derive(Default)]
struct Committed {
    files: BTreeMap<String, usize>,
    messages: usize,
}

impl MemoryHost {
    /// An attempt has saved `state` and died.
    pub(super) fn begin_with(&self, state: &[u8]) {
        self.attempts.set(1);
        *self.checkpoint.borrow_mut() = Some((1, state.to_vec()));
    }

    pub(super) fn begin_attempt(&self) {
        self.attempts.set(self.attempts.get() + 1);
        let committed = self.committed.borrow();
        self.files.borrow_mut().append(&mut self.cleared.borrow_mut());
        self.files.borrow_mut().retain(|name, bytes| {
            let length = committed.files.get(name);
            bytes.truncate(length.copied().unwrap_or_default());
            length.is_some()
        });
        self.sent.borrow_mut().truncate(committed.messages);
    }

    pub(super) fn commit(&self) {
        let files = self.files.borrow();
        let lengths = files.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect();
        self.cleared.borrow_mut().clear();
        *self.committed.borrow_mut() = Committed { files: lengths, messages: self.sent.borrow().len() };
    }

    /// The committed artifacts.
    pub(super) fn artifacts(&self) -> Files {
        let (files, cleared) = (self.files.borrow(), self.cleared.borrow());
        let bytes = |name: &str, length: usize| cleared.get(name).unwrap_or(&files[name])[..length].to_vec();
        let committed = self.committed.borrow();
        committed.files.iter().map(|(name, length)| (name.clone(), bytes(name, *length))).collect()
    }

    /// The committed messages.
    pub(super) fn messages(&self) -> Vec<Message> {
        self.sent.borrow()[..self.committed.borrow().messages].to_vec()
    }

    fn enter(&self, name: &'static str) -> bool {
        self.calls.enter(Call::Other(name))
    }
}

impl Host for MemoryHost {
    fn task(&self) -> TaskInfo {
        self.enter("task");
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
        if self.calls.enter(Call::Progress) { self.calls.answer() } else { Signal::Stop }
    }

    fn load(&self) -> Option<Vec<u8>> {
        self.enter("load");
        self.checkpoint.borrow().as_ref().map(|(_, state)| state.clone())
    }

    fn save(&self, state: &[u8]) -> Signal {
        if !self.calls.enter(Call::Save) {
            return Signal::Stop;
        }
        self.saves.set(self.saves.get() + 1);
        let before = self.checkpoint.replace(Some((self.attempts.get(), state.to_vec())));
        self.saved_by.set(self.attempts.get());
        self.commit();
        if before.is_none_or(|(_, before)| before != state) {
            self.calls.saved_something_new();
        }
        self.calls.answer()
    }

    fn save_interval(&self, every: u64) -> u64 {
        self.asked_for_interval.set(true);
        self.save_interval_max.get().unwrap_or(every).min(every)
    }

    fn log(&self, level: Level, message: &str) {
        if self.enter("log") {
            self.log.borrow_mut().push(format!("{level:?}: {message}"));
        }
    }

    fn open_artifact(&self, name: &str, _: &str) -> Result<Box<dyn HostArtifact>, HostError> {
        if !self.enter("artifact") {
            return Err(gone());
        }
        let wrong = |c: char| c == '/' || c == '\\' || c.is_control();
        if name.is_empty() || name.chars().count() > 128 || name.contains(wrong) || name.starts_with('.') {
            return Err(error("invalid_name", &format!("`{name}` is not a plain file name")));
        }
        self.files.borrow_mut().entry(name.into()).or_default();
        Ok(Box::new(MemoryArtifact {
            name: name.into(),
            files: Rc::clone(&self.files),
            cleared: Rc::clone(&self.cleared),
            calls: Rc::clone(&self.calls),
            attempt: self.attempts.get(),
            saved_by: Rc::clone(&self.saved_by),
        }))
    }

    fn sources(&self) -> Vec<String> {
        self.enter("sources");
        self.sources.borrow().keys().cloned().collect()
    }

    fn query(&self, source: &str, sql: &str, params: &[Value]) -> Result<Box<dyn HostCursor>, HostError> {
        if !self.enter("query") {
            return Err(gone());
        }
        let sources = self.sources.borrow();
        let database = sources.get(source).ok_or_else(|| error("source_unavailable", &source))?;
        let (columns, rows) = packed::query(database, sql, params).map_err(|e| error("query_failed", &e))?;
        let batch_rows = match self.batch_rows.get() {
            0 => u32::MAX,
            rows => rows,
        };
        Ok(Box::new(MemoryCursor {
            columns,
            rows: RefCell::new(rows),
            batch_rows,
            calls: Rc::clone(&self.calls),
        }))
    }

    fn revision(&self, source: &str) -> Result<Option<String>, HostError> {
        if !self.enter("revision") {
            return Err(gone());
        }
        let sources = self.sources.borrow();
        let database = sources.get(source).ok_or_else(|| error("source_unavailable", &source))?;
        let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let schema = pragma("schema_version").map_err(|e| error("source_unavailable", &e))?;
        let others = pragma("data_version").map_err(|e| error("source_unavailable", &e))?;
        let revision = format!("{} {schema} {others}", database.total_changes());
        Ok((!self.no_revisions.get()).then_some(revision))
    }

    fn send(&self, message: &Message) -> Result<(), HostError> {
        if !self.enter("send") {
            return Err(gone());
        }
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
        if !self.enter("secret") {
            return Err(gone());
        }
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

/// What a destructor of a killed attempt gets.
fn gone() -> HostError {
    error("killed", &"the attempt was killed")
}

struct MemoryArtifact {
    name: String,
    files: Rc<RefCell<Files>>,
    cleared: Rc<RefCell<Files>>,
    calls: Rc<Calls>,
    attempt: u32,
    saved_by: Rc<Cell<u32>>,
}

impl HostArtifact for MemoryArtifact {
    /// Not a call at which an attempt is ended: it asks what the writes say already.
    fn position(&self) -> u64 {
        self.files.borrow()[&self.name].len() as u64
    }

    fn write(&self, bytes: &[u8]) {
        if self.calls.enter(Call::Other("write")) {
            self.files.borrow_mut().get_mut(&self.name).expect("it was opened").extend_from_slice(bytes);
        }
    }

    fn clear(&self) -> Result<(), HostError> {
        if !self.calls.enter(Call::Other("clear")) {
            return Err(gone());
        }
        if self.saved_by.get() == self.attempt {
            return Err(error("saved_already", &"this attempt has saved"));
        }
        let before = self.files.borrow_mut().insert(self.name.clone(), Vec::new());
        self.cleared.borrow_mut().entry(self.name.clone()).or_insert(before.unwrap_or_default());
        Ok(())
    }
}

struct MemoryCursor {
    columns: Vec<Column>,
    rows: RefCell<VecDeque<Vec<Flat>>>,
    batch_rows: u32,
    calls: Rc<Calls>,
}

impl HostCursor for MemoryCursor {
    fn columns(&self) -> Vec<Column> {
        self.columns.clone()
    }

    fn next_packed(&self, max_rows: u32) -> Result<PackedRows, HostError> {
        if !self.calls.enter(Call::Other("next rows")) {
            return Err(gone());
        }
        let mut rows = self.rows.borrow_mut();
        let count = rows.len().min(max_rows.min(self.batch_rows) as usize);
        Ok(packed::pack(rows.drain(..count)))
    }
}
