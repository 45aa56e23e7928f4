//! Read-only SQL on SQLite files.
//!
//! A query runs on a thread of its own, ahead of the guest, and hands packed batches of rows over through a bounded
//! channel: reading and the guest's computing overlap. Threads keep their connection for the next query.

mod access;
mod batch;
mod cursor;
mod functions;
mod memory;
mod reader;
mod source;
mod time;

pub(crate) use access::Access;
#[allow(unreachable_pub, reason = "the generated bindings re-export it as public")]
pub use cursor::Cursor;
pub(crate) use cursor::{Allowed, OpenCursors};
pub(crate) use memory::QueryMemory;
pub use memory::limit_memory_of_queries;
pub(crate) use reader::{QueryError, Stopped};
pub(crate) use source::{Source, Sources};

/// A database for a test. SQLite is set up once in a process, by whichever test comes first.
#[cfg(test)]
pub(crate) fn in_memory() -> rusqlite::Connection {
    assert!(limit_memory_of_queries(), "SQLite was in use already");
    rusqlite::Connection::open_in_memory().unwrap()
}
