//! How many files the process may have open.

/// Raises the limit to what the system allows. The usual 1,024 is for programs that wait with `select`; a host has two files
/// for each cursor, one for each artifact, and a connection for each call.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised it stays as it is, and jobs that need more say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}
