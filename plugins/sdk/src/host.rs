//! What a job's context stands on: the real host behind the component's imports, or the one in memory that tests
//! use. One trait, so that a whole job runs in an ordinary `cargo test`.

use crate::bindings::longshore::job::data::PackedRows;
use crate::data::{Column, Value};
use crate::{HostError, Level, Message, TaskInfo};

/// Whether the job may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Proceed,
    Stop,
}

pub(crate) trait Host {
    fn task(&self) -> TaskInfo;
    fn report(&self, done: u64, total: Option<u64>, message: &str) -> Signal;
    fn load(&self) -> Option<Vec<u8>>;
    fn save(&self, state: &[u8]) -> Signal;
    /// The distance between saves for a job that wants `every`. Only tests ask for another.
    fn save_interval(&self, every: u64) -> u64 {
        every
    }
    fn log(&self, level: Level, message: &str);
    fn open_artifact(&self, name: &str, media_type: &str) -> Result<Box<dyn HostArtifact>, HostError>;
    fn sources(&self) -> Vec<String>;
    fn query(&self, source: &str, sql: &str, params: &[Value]) -> Result<Box<dyn HostCursor>, HostError>;
    fn revision(&self, source: &str) -> Result<Option<String>, HostError>;
    fn send(&self, message: &Message) -> Result<(), HostError>;
    fn secret(&self, name: &str) -> Result<String, HostError>;
}

pub(crate) trait HostArtifact {
    fn position(&self) -> u64;
    fn write(&self, bytes: &[u8]);
    fn clear(&self) -> Result<(), HostError>;
}

pub(crate) trait HostCursor {
    fn columns(&self) -> Vec<Column>;
    fn next_packed(&self, max_rows: u32) -> Result<PackedRows, HostError>;
}
