//! `wasi:http`: the calls of the web that a job makes, as far as its policy lets it.

mod body;
mod calls;
mod link;

pub(crate) use self::calls::Calls;
pub(crate) use self::link::link;

/// Bytes of the headers of one message, as they are in memory.
pub(crate) const HEADERS_BYTES_MAX: usize = 32 * 1024;
