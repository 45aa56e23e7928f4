//! A thread that runs queries on a connection that can only read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use rusqlite::hooks::AuthContext;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Rows, Statement, params_from_iter};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::bindings::longshore::job::data::Column;
use crate::data::access::Access;
use crate::data::batch::Batch;
use crate::data::cursor::{Allowed, OpenCursor};
use crate::data::functions;
use crate::data::large::{self, TooLarge};
use crate::data::open::{self, LogIndex, wants_own_index};
use crate::data::source::{Request, Source};
use crate::data::time::WorkingTime;
use crate::data::trouble;
use crate::data::vfs;
use crate::data::virtual_tables::VirtualTables;
use crate::stand_back::stand_back;

/// How long a reader waits for its next query before it ends.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Steps of SQLite's machine between two looks whether the query is still wanted. One step may handle a whole value.
const STEPS_BETWEEN_LOOKS: i32 = 200;

/// How often a query begins anew because the source was changed under it.
const TRIES_MAX: u32 = 20;

/// How often somebody looks for a writer while a batch waits for the guest and nothing keeps a writer away.
const LOOK_PERIOD: Duration = Duration::from_millis(2);

const CHANGED: &str = "another program began to write while the query ran, and changed what it had still to read; run the \
                       job again";

/// A batch is handed over when it has this many bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// Rows of the first batch, so that the first rows come soon; each batch after it may have four times as many.
const FIRST_BATCH_ROWS: u32 = 64;
const BATCH_ROWS_MAX: u32 = 16 * 1024;

/// A query to run, and where its answers go.
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
    pub(crate) allowed: Allowed,
    /// Its columns, once it is prepared.
    pub(crate) columns: oneshot::Sender<Result<Vec<Column>, QueryError>>,
    /// Its rows; the channel closes at the end of the result.
    pub(crate) batches: Sender<Result<Batch, Stopped>>,
    /// Set when nobody wants the answer any more.
    pub(crate) cancelled: Arc<AtomicBool>,
    /// Counts it for as long as this thread works on it, wanted or not.
    pub(crate) open: OpenCursor,
}

/// A query was not started.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// The source cannot be opened.
    Unavailable(String),
    /// It ended before its first row.
    Stopped(Stopped),
}

/// A query ended before its last row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The database refuses it, or cannot go on with it.
    Failed(String),
    /// The source is locked, damaged, or was changed under the query.
    Unavailable(String),
    /// It reads what it may not.
    NotGranted(String),
    /// It worked for as long as it may.
    OutOfTime,
    /// It gave all its rows. Said in so many words, so that a reader that is gone is not taken for the end.
    AtTheEnd,
    /// It gave as many rows as it may.
    OutOfRows,
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// It gave a row of more bytes than a row may have.
    RowTooLarge(TooLarge),
    /// It came upon a value of more bytes than a value may have.
    ValueTooLarge(TooLarge),
}

/// Serves requests on the file at `path` until none comes for a while.
pub(crate) fn serve(source: &Weak<Source>, path: &Path, requests: &mpsc::Receiver<Request>) {
    stand_back();
    let mut idle = None;
    while let Ok(Request { query, reader }) = requests.recv_timeout(IDLE_MAX) {
        answer(path, &mut idle, query);
        match source.upgrade() {
            Some(source) => source.give_back(reader),
            None => return,
        }
    }
}

/// Answers a query, on the connection that is idle or a new one. `idle` is left with one that may be.
fn answer(path: &Path, idle: &mut Option<Connection>, query: Query) {
    let Query { sql, params, allowed, columns, batches, cancelled, open: _open } = query;
    let time = WorkingTime::of(allowed.time_max);
    let mut run = Run {
        path,
        sql,
        params,
        cancelled,
        time,
        allowed,
        answer: Answer { columns: Some(columns), given: None, batches, has_rows: false },
    };
    let mut index = LogIndex::Shared;
    for _ in 0..TRIES_MAX {
        let mut connection = match idle.take().map_or_else(|| open::open(path, index), Ok) {
            Ok(connection) => connection,
            Err(why) => {
                tracing::warn!("the data source {} cannot be opened: {why}", path.display());
                return run.answer.unavailable(why);
            }
        };
        match run.on(&mut connection) {
            Ok(Outcome::Answered) => {
                // One in WAL mode is closed: it would have writers leave files behind.
                *idle = Some(connection).filter(|connection| !vfs::look(connection).uses_log);
                return;
            }
            Ok(Outcome::Again(with)) => index = with,
            Err(error) => return run.answer.unavailable(trouble::explain(&error, path, None)),
        }
    }
    run.answer.end(Stopped::Unavailable(CHANGED.into()));
}

/// A query that is being answered.
struct Run<'a> {
    path: &'a Path,
    sql: String,
    params: Vec<Value>,
    cancelled: Arc<AtomicBool>,
    time: WorkingTime,
    allowed: Allowed,
    answer: Answer,
}

/// Where the answers go.
struct Answer {
    columns: Option<oneshot::Sender<Result<Vec<Column>, QueryError>>>,
    /// The columns that were given.
    given: Option<Vec<Column>>,
    batches: Sender<Result<Batch, Stopped>>,
    has_rows: bool,
}

/// What became of one try.
enum Outcome {
    Answered,
    /// Nothing was given that another try could contradict.
    Again(LogIndex),
}

impl Answer {
    /// Ends the query before its columns or before its next row.
    fn end(&mut self, stopped: Stopped) {
        match self.columns.take() {
            Some(columns) => _ = columns.send(Err(QueryError::Stopped(stopped))),
            None => _ = self.batches.blocking_send(Err(stopped)),
        }
    }

    fn unavailable(&mut self, why: String) {
        match self.columns.take() {
            Some(columns) => _ = columns.send(Err(QueryError::Unavailable(why))),
            None => _ = self.batches.blocking_send(Err(Stopped::Unavailable(why))),
        }
    }

    /// Gives the columns. Whether somebody wants them, and they are those that were given before, if any were.
    fn begin(&mut self, found: Vec<Column>) -> Result<(), End> {
        if let Some(given) = &self.given {
            let same = given.len() == found.len()
                && given
                    .iter()
                    .zip(&found)
                    .all(|(a, b)| (&a.name, &a.declared_type) == (&b.name, &b.declared_type));
            return if same { Ok(()) } else { Err(End::Lost) };
        }
        let Some(columns) = self.columns.take() else { return Err(End::Unwanted) };
        self.given = Some(found.clone());
        columns.send(Ok(found)).map_err(|_| End::Unwanted)
    }
}

impl Run<'_> {
    /// Runs the query. A statement reads one snapshot from its first row to its last, so no transaction is needed around it.
    /// The error is one of a connection that is of no use.
    fn on(&mut self, connection: &mut Connection) -> rusqlite::Result<Outcome> {
        let look = {
            let (time, cancelled) = (self.time.clone(), Arc::clone(&self.cancelled));
            move || cancelled.load(Ordering::Relaxed) || time.is_over()
        };
        connection.progress_handler(0, None::<fn() -> bool>)?;
        connection.authorizer(None::<fn(AuthContext<'_>) -> rusqlite::hooks::Authorization>)?;
        let access = self.allowed.access.with(VirtualTables::of(connection)?);
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(look))?;
        let asked = access.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| asked.authorize(&context)))?;
        let value_bytes_max = self.allowed.value_bytes_max;
        connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(value_bytes_max).unwrap_or(i32::MAX))?;
        functions::replace_slow_ones(connection, value_bytes_max)?;
        let memory = self.allowed.memory.clone();
        let _counting = memory.counted();
        let ended = self.read(connection);
        // A value for which there was no memory is a NULL, or the end of the result, to who only looks at the values.
        let was_refused = memory.was_refused();
        // Errors, too, may come of what was changed under the query.
        let is_lost = vfs::look(connection).is_lost || matches!(ended, Ok(End::Lost));
        if is_lost && !was_refused && !matches!(ended, Ok(End::Unwanted)) {
            if self.answer.has_rows {
                self.answer.end(Stopped::Unavailable(CHANGED.into()));
                return Ok(Outcome::Answered);
            }
            return Ok(Outcome::Again(LogIndex::Shared));
        }
        let stopped = match ended {
            Ok(End::Unwanted) => return Ok(Outcome::Answered),
            _ if was_refused => Stopped::OutOfMemory,
            Ok(End::OfResult | End::Lost) => Stopped::AtTheEnd,
            Ok(End::OutOfRows) => Stopped::OutOfRows,
            Ok(End::Stopped(stopped)) => stopped,
            Err(Failed { error, .. }) if wants_own_index(&error) && !self.answer.has_rows => {
                return Ok(Outcome::Again(LogIndex::Own));
            }
            Err(failed) => self.why(connection, &failed, &access),
        };
        self.answer.end(stopped);
        Ok(Outcome::Answered)
    }

    /// Reads from the first row to the last.
    fn read(&mut self, connection: &Connection) -> Result<End, Failed> {
        let failed = |error| Failed { error, row: None };
        let statement = connection.prepare(&self.sql).map_err(failed)?;
        let (mut statement, found) = match reading(statement) {
            Ok(begun) => begun,
            Err(stopped) => return Ok(End::Stopped(stopped)),
        };
        let width = found.len();
        let mut rows = statement.query(params_from_iter(&self.params)).map_err(failed)?;
        if vfs::look(connection).is_lost {
            return Ok(End::Lost);
        }
        if let Err(end) = self.answer.begin(found) {
            return Ok(end);
        }
        self.hand_over(connection, &mut rows, width)
    }

    /// Hands rows over in batches.
    fn hand_over(
        &mut self,
        connection: &Connection,
        rows: &mut Rows<'_>,
        width: usize,
    ) -> Result<End, Failed> {
        let mut batch = Batch::default();
        let mut batch_rows_max = FIRST_BATCH_ROWS;
        let mut rows_read: u64 = 0;
        let end = loop {
            let row = match rows.next() {
                Ok(Some(row)) if rows_read < self.allowed.rows_max => row,
                Ok(Some(_)) => break Ok(End::OutOfRows),
                Ok(None) => break Ok(End::OfResult),
                Err(error) => break Err(Failed { error, row: Some(rows_read + 1) }),
            };
            rows_read += 1;
            let pushed = match large::check(
                row,
                rows_read,
                self.answer.given.as_deref(),
                self.allowed.value_bytes_max,
            ) {
                Ok(None) => batch.push(row, width),
                Ok(Some(large)) => break Ok(End::Stopped(Stopped::RowTooLarge(large))),
                Err(error) => Err(error),
            };
            if let Err(error) = pushed {
                break Err(Failed { error, row: Some(rows_read) });
            }
            if self.allowed.memory.was_refused() {
                break Ok(End::OfResult);
            }
            if batch.rows() >= batch_rows_max || batch.size() >= BATCH_BYTES {
                let next = Batch::like(&batch);
                let full = std::mem::replace(&mut batch, next);
                if let Err(end) = self.give(connection, full) {
                    return Ok(end);
                }
                batch_rows_max = (batch_rows_max * 4).min(BATCH_ROWS_MAX);
            }
        };
        if batch.rows() > 0
            && !self.allowed.memory.was_refused()
            && let Err(end) = self.give(connection, batch)
        {
            return Ok(end);
        }
        end
    }

    /// Gives a batch that holds one state of the source, or says why not.
    fn give(&mut self, connection: &Connection, batch: Batch) -> Result<(), End> {
        let found = vfs::look(connection);
        if found.is_lost {
            return Err(End::Lost);
        }
        let batches = &self.answer.batches;
        let given = self.time.pause(|| {
            if !found.is_unguarded {
                return batches.blocking_send(Ok(batch)).is_ok();
            }
            let mut waiting = Ok(batch);
            loop {
                match batches.try_send(waiting) {
                    Ok(()) => return true,
                    Err(TrySendError::Closed(_)) => return false,
                    Err(TrySendError::Full(unsent)) => waiting = unsent,
                }
                std::thread::sleep(LOOK_PERIOD);
                // A writer that came is kept from changing the rows that are still to be read.
                vfs::look(connection);
            }
        });
        self.answer.has_rows = true;
        if given { Ok(()) } else { Err(End::Unwanted) }
    }

    /// Why the query failed.
    fn why(&self, connection: &Connection, failed: &Failed, access: &Access) -> Stopped {
        let Failed { error, row } = failed;
        let code = error.sqlite_error_code();
        if code == Some(ErrorCode::OperationInterrupted) && self.time.is_over() {
            return Stopped::OutOfTime;
        }
        if code == Some(ErrorCode::TooBig)
            && let Some(row) = row
        {
            return Stopped::ValueTooLarge(large::find(
                connection,
                &self.sql,
                &self.params,
                self.answer.given.as_deref(),
                *row,
            ));
        }
        // Not only where the database says so: what is refused within a table of SQLite's own comes out as its error.
        if let Some(what) = access.refused() {
            return Stopped::NotGranted(what);
        }
        let words = trouble::words(error);
        // An index that may not prepare its statements says only that it cannot be opened.
        let was_denied = words.contains("not authorized") || words.contains("vtable constructor failed");
        let said = match access.denied().filter(|_| was_denied) {
            Some(what) => format!("it would {what}; only reading is allowed: give one SELECT"),
            None if code == Some(ErrorCode::TooBig) => {
                format!("{words}: a text of the statement, or a parameter, is longer than a value may be")
            }
            None => words,
        };
        let text = trouble::explain(error, self.path, Some(said));
        match code {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen,
            ) => Stopped::Unavailable(text),
            _ => Stopped::Failed(text),
        }
    }
}

/// An error of SQLite, and at which row it came.
struct Failed {
    error: rusqlite::Error,
    row: Option<u64>,
}

/// The statement with its columns, if it is one that reads rows.
fn reading(statement: Statement<'_>) -> Result<(Statement<'_>, Vec<Column>), Stopped> {
    let columns = columns_of(&statement)?;
    if !statement.readonly() || columns.is_empty() {
        let message = "this is not a statement that reads rows; only reading is allowed: give one SELECT";
        return Err(Stopped::Failed(message.into()));
    }
    Ok((statement, columns))
}

fn columns_of(statement: &Statement<'_>) -> Result<Vec<Column>, Stopped> {
    let column = |column: rusqlite::Column<'_>| Column {
        name: column.name().to_owned(),
        declared_type: column.decl_type().map(ToOwned::to_owned),
    };
    // The library panics at names that are not UTF-8, and offers no other way to read them.
    catch_unwind(AssertUnwindSafe(|| statement.columns().map(column).collect())).map_err(|_| {
        Stopped::Failed(
            "the name or the declared type of a column in the result is not valid UTF-8; leave the column out".into(),
        )
    })
}

/// How a result came to its end, other than by an error of SQLite.
enum End {
    OfResult,
    OutOfRows,
    Stopped(Stopped),
    /// Another program changed what was being read.
    Lost,
    /// Nobody reads it any more.
    Unwanted,
}
