//! A result that a guest reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::types::Value;
use tokio::sync::{mpsc, oneshot};

use crate::bindings::longshore::job::data::Column;
use crate::data::access::Access;
use crate::data::batch::{Batch, Remainder};
use crate::data::memory::QueryMemory;
use crate::data::reader::{Query, QueryError, Stopped};
use crate::data::source::Source;

/// Batches that wait for the guest while the next one is being read.
const BATCHES_AHEAD: usize = 2;

/// A result being read. Dropping it ends the query.
#[allow(unreachable_pub, reason = "the generated bindings re-export it as public")]
pub struct Cursor {
    source: String,
    columns: Vec<Column>,
    batches: mpsc::Receiver<Result<Batch, Stopped>>,
    rest: Option<Remainder>,
    is_at_the_end: bool,
    _cancel: CancelOnDrop,
    _open: OpenCursor,
}

/// What a query may do.
pub(crate) struct Allowed {
    /// What it may read.
    pub(crate) access: Access,
    /// Bytes of the largest value, and of the largest row.
    pub(crate) value_bytes_max: u64,
    /// What it may take of memory, together with the others of its attempt.
    pub(crate) memory: QueryMemory,
    /// How long it may work.
    pub(crate) time_max: Duration,
    /// How many rows it may give.
    pub(crate) rows_max: u64,
}

/// Ends a query when whoever reads it goes away, even while it is still being prepared.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Counts the open cursors of an attempt: those that it holds, and those that it dropped and whose threads are still at work.
#[derive(Clone, Default)]
pub(crate) struct OpenCursors(Arc<AtomicU32>);

impl OpenCursors {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn open(&self) -> OpenCursor {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenCursor { _counted: Arc::new(Counted(Arc::clone(&self.0))) }
    }
}

/// One that is counted until this is dropped.
#[derive(Clone)]
pub(crate) struct OpenCursor {
    _counted: Arc<Counted>,
}

struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cursor {
    /// Starts a query on `source`.
    pub(crate) async fn open(
        source: &Arc<Source>,
        name: &str,
        sql: String,
        params: Vec<Value>,
        allowed: Allowed,
        open: &OpenCursors,
    ) -> Result<Self, QueryError> {
        let (columns_to, columns) = oneshot::channel();
        let (batches_to, batches) = mpsc::channel(BATCHES_AHEAD);
        let cancel = CancelOnDrop(Arc::default());
        let open = open.open();
        let query = Query {
            sql,
            params,
            allowed,
            columns: columns_to,
            batches: batches_to,
            cancelled: Arc::clone(&cancel.0),
            open: open.clone(),
        };
        source.start(query).map_err(QueryError::Unavailable)?;
        let columns =
            columns.await.unwrap_or_else(|_| Err(QueryError::Unavailable("its reader ended".into())))?;
        Ok(Self {
            source: name.to_owned(),
            columns,
            batches,
            rest: None,
            is_at_the_end: false,
            _cancel: cancel,
            _open: open,
        })
    }

    /// Name of the source that it reads.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows, `rows_max` at most; an empty batch at the end.
    pub(crate) async fn next(&mut self, rows_max: u32) -> Result<Batch, Stopped> {
        if self.is_at_the_end {
            return Ok(Batch::default());
        }
        let mut rest = match self.rest.take() {
            Some(rest) => rest,
            None => match self.batches.recv().await {
                Some(Ok(batch)) => Remainder::new(batch, self.columns.len()),
                Some(Err(Stopped::AtTheEnd)) => {
                    self.is_at_the_end = true;
                    return Ok(Batch::default());
                }
                Some(Err(stopped)) => return Err(stopped),
                None => return Err(Stopped::Failed("its reader ended".into())),
            },
        };
        let batch = rest.take(rows_max.max(1));
        if !rest.is_empty() {
            self.rest = Some(rest);
        }
        Ok(batch)
    }
}
