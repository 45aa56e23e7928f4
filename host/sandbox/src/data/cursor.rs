//! A result that a guest reads.

use std::io;
use std::os::unix::net::UnixStream;

use rusqlite::types::Value;
use tokio::sync::{mpsc, oneshot};

use crate::bindings::longshore::job::data::Column;
use crate::data::batch::{Batch, Remainder};
use crate::data::open_cursors::Held;
use crate::data::pump::Pump;
use crate::data::query::{Allowed, Query};
use crate::data::readers::Queries;
use crate::data::source::Source;
use crate::data::stopped::{QueryError, Stopped};
use crate::data::wire;

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
    _open: Held,
}

impl Cursor {
    /// Starts a query on `source`.
    pub(crate) async fn open(
        source: &Source,
        name: &str,
        sql: String,
        params: Vec<Value>,
        allowed: Allowed,
        queries: &mut Queries,
    ) -> Result<Self, QueryError> {
        let unavailable = |error: io::Error| QueryError::Unavailable(format!("its reader: {error}"));
        let value_bytes_max = allowed.value_bytes_max;
        let attempt = queries.begin().await.map_err(unavailable)?;
        let query = Query { path: source.path().to_owned(), sql, params, allowed, attempt };
        let asked = wire::query_bytes(&query).map_err(unavailable)?;
        loop {
            let is_idle = queries.cursors.count() == 0;
            let begun =
                Self::ask(name, asked.clone(), value_bytes_max, queries).await.map_err(unavailable)?;
            match begun {
                Some(Err(QueryError::Unavailable(why))) => {
                    tracing::warn!("the data source {} cannot be opened: {why}", query.path.display());
                    return Err(QueryError::Unavailable(why));
                }
                Some(begun) => return begun,
                // A process that ended just when it was asked has lost nothing.
                None if is_idle && queries.renew().map_err(unavailable)? => {}
                None => {
                    return Err(QueryError::Unavailable("the process that was to read it ended".into()));
                }
            }
        }
    }

    /// Asks once. `None` if the reader ended without a word.
    async fn ask(
        name: &str,
        query: Vec<u8>,
        value_bytes_max: u64,
        queries: &Queries,
    ) -> io::Result<Option<Result<Self, QueryError>>> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = tokio::net::UnixStream::from_std(ours)?;
        if let Err(error) = queries.take(theirs) {
            tracing::debug!("a reader took no query: {error}");
            return Ok(None);
        }
        let (columns_to, columns) = oneshot::channel();
        let (batches_to, batches) = mpsc::channel(BATCHES_AHEAD);
        let open = queries.cursors.open();
        let pump = Pump {
            socket,
            value_bytes_max,
            columns: Some(columns_to),
            batches: batches_to,
            open: Some(open.work()),
        };
        tokio::spawn(pump.run(query));
        let Ok(begun) = columns.await else { return Ok(None) };
        Ok(Some(begun.map(|columns| Self {
            source: name.to_owned(),
            columns,
            batches,
            rest: None,
            is_at_the_end: false,
            _open: open,
        })))
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
