//! Read-only SQL on SQLite files.
//!
//! All queries of an attempt run in a process of its own, which is killed with the attempt if it still works then (see
//! [`child`]). There each has a thread, which reads ahead of the guest and hands packed batches of rows over through a socket:
//! reading and the guest's computing overlap. Processes and their connections are kept for the next attempt, but for
//! connections in WAL mode (see [`open`]). No file is made, changed or deleted beside a source (see [`vfs`]).

mod access;
mod batch;
mod check;
mod child;
mod cursor;
mod desk;
mod functions;
mod large;
mod line;
mod memory;
mod open;
mod open_cursors;
mod pump;
mod query;
mod reader;
mod readers;
mod revision;
mod source;
mod stopped;
mod time;
mod trouble;
mod vfs;
mod virtual_tables;
mod wire;

pub use check::check_source;
pub use child::query_child;
#[allow(unreachable_pub, reason = "the generated bindings re-export it as public")]
pub use cursor::Cursor;
pub(crate) use large::TooLarge;
pub use memory::limit_memory_of_queries;
pub(crate) use query::Allowed;
pub(crate) use readers::{Queries, Readers};
pub(crate) use source::{Source, Sources};
pub(crate) use stopped::{QueryError, Stopped};

#[cfg(test)]
mod tests;

/// A database for a test. SQLite is set up once in a process, by whichever test comes first.
#[cfg(test)]
pub(crate) fn in_memory() -> rusqlite::Connection {
    assert!(limit_memory_of_queries(), "SQLite was in use already");
    rusqlite::Connection::open_in_memory().unwrap()
}
