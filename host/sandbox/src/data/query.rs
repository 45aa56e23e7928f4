//! A query as it is asked, wherever it runs.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

use longshore_domain::Tables;
use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

/// What a query may do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Allowed {
    /// The tables that it may read; all of them without it.
    pub(crate) tables: Option<Tables>,
    /// Bytes of the largest value, and of the largest row.
    pub(crate) value_bytes_max: u64,
    /// Memory that it may take, together with the others of its attempt.
    pub(crate) memory_bytes_max: u64,
    /// How long it may work.
    pub(crate) time_max: Duration,
    /// How many rows it may give.
    pub(crate) rows_max: u64,
}

/// A query to run.
#[derive(Debug)]
pub(crate) struct Query {
    /// The SQLite file.
    pub(crate) path: PathBuf,
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
    pub(crate) allowed: Allowed,
    /// Tells its attempt from others of the same process.
    pub(crate) attempt: u64,
}

/// A query without its parameters, which travel as a row.
#[derive(Serialize, Deserialize)]
struct Head {
    path: Vec<u8>,
    sql: String,
    allowed: Allowed,
    attempt: u64,
}

impl Query {
    /// All but the parameters, to be sent.
    pub(crate) fn head(&self) -> io::Result<Vec<u8>> {
        let head = Head {
            path: self.path.as_os_str().as_bytes().to_vec(),
            sql: self.sql.clone(),
            allowed: self.allowed.clone(),
            attempt: self.attempt,
        };
        Ok(serde_json::to_vec(&head)?)
    }

    /// What was sent.
    pub(crate) fn new(head: &[u8], params: Vec<Value>) -> io::Result<Self> {
        let Head { path, sql, allowed, attempt } = serde_json::from_slice(head)?;
        Ok(Self { path: OsString::from_vec(path).into(), sql, params, allowed, attempt })
    }
}
