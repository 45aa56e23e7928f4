//! Read-only SQL on granted sources.

mod batch;
mod cell;
mod digest;

pub use crate::bindings::longshore::job::data::{Column, Value};
pub use batch::{Batch, Cells, Row, Span};
pub use cell::{Cell, FromCell};
pub use digest::RowDigest;

use crate::host::{Host, HostCursor};
use crate::{HostError, JobError, Result};
use std::rc::Rc;

/// Rows that [`Cursor::for_each`] asks for at a time.
const ROWS_PER_BATCH: u32 = 1024;

/// A granted data source; see [`Context::source`](crate::Context::source).
#[derive(Clone)]
pub struct Source {
    host: Rc<dyn Host>,
    name: String,
}

impl Source {
    pub(crate) fn new(host: Rc<dyn Host>, name: String) -> Self {
        Self { host, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts a query: one SELECT (or WITH … SELECT), with `params` bound to its `?` in order.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Cursor, HostError> {
        let host = self.host.query(&self.name, sql, params)?;
        let columns = host.columns();
        Ok(Cursor { host, columns: columns.into() })
    }

    /// Identifies what the source holds now: two equal revisions prove that nothing was written to it between them.
    /// None where the host cannot tell, and for some seconds after a write.
    pub fn revision(&self) -> Result<Option<String>, HostError> {
        self.host.revision(&self.name)
    }

    /// Runs a query and gives one value for each row, made by `read`. For results that fit into memory.
    pub fn list<T>(
        &self,
        sql: &str,
        params: &[Value],
        mut read: impl FnMut(Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut list = Vec::new();
        self.query(sql, params)?.for_each(|row| {
            list.push(read(row)?);
            Ok(())
        })?;
        Ok(list)
    }

    /// Runs a query that gives one row, such as a count, and reads it.
    pub fn one<T>(&self, sql: &str, params: &[Value], read: impl FnMut(Row<'_>) -> Result<T>) -> Result<T> {
        let first = self.list(sql, params, read)?.into_iter().next();
        first.ok_or_else(|| JobError::failed(format!("a query gave no row: {sql}")))
    }
}

/// A result being read. Dropping it ends the query.
pub struct Cursor {
    host: Box<dyn HostCursor>,
    columns: Rc<[Column]>,
}

impl Cursor {
    /// The columns of the result, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows, `max_rows` at most; none at the end. The host may give fewer before the end, so nothing
    /// that a job writes should depend on how rows fall into batches.
    pub fn next_batch(&mut self, max_rows: u32) -> Result<Option<Batch>, HostError> {
        let packed = self.host.next_packed(max_rows)?;
        Ok((packed.rows > 0).then(|| Batch::new(Rc::clone(&self.columns), packed)))
    }

    /// Calls `visit` with each row that is left.
    pub fn for_each(&mut self, mut visit: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        while let Some(batch) = self.next_batch(ROWS_PER_BATCH)? {
            for row in batch.rows() {
                visit(row)?;
            }
        }
        Ok(())
    }
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
value_from!(i64 => Integer, i32 => Integer, u32 => Integer, f64 => Real, String => Text, &str => Text, Vec<u8> => Blob);
