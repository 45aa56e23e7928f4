//! The real host: each call goes through the component's imports.

use crate::bindings::longshore::job as wit;
use crate::data::{Column, Value};
use crate::host::{Host, HostArtifact, HostCursor, Signal};
use crate::{HostError, Level, Message, TaskInfo};

pub(crate) struct ComponentHost;

impl From<wit::types::Signal> for Signal {
    fn from(signal: wit::types::Signal) -> Self {
        match signal {
            wit::types::Signal::Proceed => Self::Proceed,
            wit::types::Signal::Stop => Self::Stop,
        }
    }
}

impl Host for ComponentHost {
    fn task(&self) -> TaskInfo {
        wit::task::current()
    }

    fn report(&self, done: u64, total: Option<u64>, message: &str) -> Signal {
        wit::progress::report(done, total, message).into()
    }

    fn load(&self) -> Option<Vec<u8>> {
        wit::checkpoint::load()
    }

    fn save(&self, state: &[u8]) -> Signal {
        wit::checkpoint::save(state).into()
    }

    fn log(&self, level: Level, message: &str) {
        wit::log::write(level, message);
    }

    fn open_artifact(&self, name: &str, media_type: &str) -> Result<Box<dyn HostArtifact>, HostError> {
        Ok(Box::new(wit::artifacts::open(name, media_type)?))
    }

    fn sources(&self) -> Vec<String> {
        wit::data::sources()
    }

    fn query(&self, source: &str, sql: &str, params: &[Value]) -> Result<Box<dyn HostCursor>, HostError> {
        Ok(Box::new(wit::data::query(source, sql, params)?))
    }

    fn revision(&self, source: &str) -> Result<Option<String>, HostError> {
        wit::data::revision(source)
    }

    fn send(&self, message: &Message) -> Result<(), HostError> {
        wit::outbox::send(message)
    }

    fn secret(&self, name: &str) -> Result<String, HostError> {
        wit::secrets::get(name)
    }
}

impl HostArtifact for wit::artifacts::Artifact {
    fn position(&self) -> u64 {
        self.position()
    }

    fn write(&self, bytes: &[u8]) {
        self.write(bytes);
    }

    fn clear(&self) -> Result<(), HostError> {
        self.clear()
    }
}

impl HostCursor for wit::data::Cursor {
    fn columns(&self) -> Vec<Column> {
        self.columns()
    }

    fn next_packed(&self, max_rows: u32) -> Result<wit::data::PackedRows, HostError> {
        self.next_packed_raw(max_rows)
    }
}
