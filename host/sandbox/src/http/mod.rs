//! `wasi:http`: the calls of the web that a job makes, as far as its policy lets it.

mod body;
mod calls;

pub(crate) use self::calls::Calls;

/// Bytes of the headers of one message, as they are in memory.
pub(crate) const HEADERS_BYTES_MAX: usize = 32 * 1024;
