//! A thread that runs queries on a connection that can only read.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::AuthContext;
use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Rows, Statement, params_from_iter};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use crate::bindings::longshore::job::data::Column;
use crate::data::batch::Batch;
use crate::data::cursor::{Allowed, OpenCursor};
use crate::data::functions;
use crate::data::memory::QueryMemory;
use crate::data::source::{Request, Source};
use crate::data::time::WorkingTime;
use crate::stand_back::stand_back;

/// How long a reader waits for its next query before it ends.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How long a query waits for a program that writes to the source.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Steps of SQLite's machine between two looks whether the query is still wanted. One step may handle a whole value.
const STEPS_BETWEEN_LOOKS: i32 = 200;

/// Bytes of a pattern of LIKE and GLOB: what a comparison takes grows with the product of the two lengths.
const PATTERN_BYTES_MAX: i32 = 200;

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
    RowTooLarge,
}

/// Opens the file at `path` and serves requests until none comes for a while.
pub(crate) fn serve(source: &Weak<Source>, path: &Path, requests: &mpsc::Receiver<Request>) {
    stand_back();
    let mut connection = match open(path) {
        Ok(connection) => connection,
        Err(error) => {
            tracing::warn!("the data source {} cannot be opened: {}", path.display(), text(&error));
            // SQLite's own words have the path of the file in them, which is nothing for a job; those of its code do not.
            let why = error.sqlite_error().map_or_else(|| text(&error), ToString::to_string);
            if let Ok(request) = requests.recv() {
                let _ = request.query.columns.send(Err(QueryError::Unavailable(why)));
            }
            return;
        }
    };
    while let Ok(Request { query, reader }) = requests.recv_timeout(IDLE_MAX) {
        if answer(&mut connection, query).is_err() {
            return;
        }
        match source.upgrade() {
            Some(source) => source.give_back(reader),
            None => return,
        }
    }
}

/// Opens a connection that reads and does nothing else.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    // What a query sorts or keeps aside counts as its memory, and fills no disk.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX)?;
    // A file that is no database shows itself only when it is read.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Answers a query. The error is one of a connection that is of no use any more.
///
/// A statement reads one snapshot from its first row to its last, so no transaction is needed around it.
fn answer(connection: &mut Connection, query: Query) -> rusqlite::Result<()> {
    let Query { sql, params, allowed, columns, batches, cancelled, open: _open } = query;
    let Allowed { access, value_bytes_max, memory, time_max, rows_max } = allowed;
    let time = WorkingTime::of(time_max);
    let look = {
        let time = time.clone();
        move || cancelled.load(Ordering::Relaxed) || time.is_over()
    };
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(look))?;
    let asked = access.clone();
    connection.authorizer(Some(move |context: AuthContext<'_>| asked.authorize(&context)))?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(value_bytes_max).unwrap_or(i32::MAX))?;
    functions::replace_slow_ones(connection, value_bytes_max)?;
    let _counting = memory.counted();
    let why = |error: &rusqlite::Error| {
        if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) && time.is_over() {
            return Stopped::OutOfTime;
        }
        if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) && memory.was_refused() {
            return Stopped::OutOfMemory;
        }
        // Not only where the database says so: what is refused within a table of SQLite's own comes out as its error.
        access.refused().map_or_else(|| Stopped::Failed(text(error)), Stopped::NotGranted)
    };

    let begun = connection.prepare(&sql).map_err(|error| why(&error));
    let (mut statement, found) = match begun.and_then(reading) {
        Ok(begun) => begun,
        Err(stopped) => {
            let _ = columns.send(Err(QueryError::Stopped(stopped)));
            return Ok(());
        }
    };
    let width = found.len();
    let mut rows = match statement.query(params_from_iter(params)) {
        Ok(rows) => rows,
        Err(error) => {
            let _ = columns.send(Err(QueryError::Stopped(why(&error))));
            return Ok(());
        }
    };
    if columns.send(Ok(found)).is_err() {
        return Ok(());
    }
    let ended = hand_over(&mut rows, width, rows_max, value_bytes_max, &memory, &time, &batches);
    // A value for which there was no memory is a NULL, or the end of the result, to who only looks at the values.
    let stopped = match ended {
        Ok(End::Unwanted) => return Ok(()),
        _ if memory.was_refused() => Stopped::OutOfMemory,
        Ok(End::OfResult) => Stopped::AtTheEnd,
        Ok(End::OutOfRows) => Stopped::OutOfRows,
        Ok(End::RowTooLarge) => Stopped::RowTooLarge,
        Err(error) => why(&error),
    };
    let _ = batches.blocking_send(Err(stopped));
    Ok(())
}

/// The statement with its columns, if it is one that reads rows.
fn reading(statement: Statement<'_>) -> Result<(Statement<'_>, Vec<Column>), Stopped> {
    let columns: Vec<Column> = statement
        .columns()
        .map(|column| Column {
            name: column.name().to_owned(),
            declared_type: column.decl_type().map(ToOwned::to_owned),
        })
        .collect();
    if !statement.readonly() || columns.is_empty() {
        let message = "this is not a statement that reads rows; only SELECT is allowed";
        return Err(Stopped::Failed(message.into()));
    }
    Ok((statement, columns))
}

/// How a result came to its end, other than by an error.
enum End {
    OfResult,
    OutOfRows,
    RowTooLarge,
    /// Nobody reads it any more.
    Unwanted,
}

/// Hands rows over in batches.
fn hand_over(
    rows: &mut Rows<'_>,
    width: usize,
    rows_max: u64,
    row_bytes_max: u64,
    memory: &QueryMemory,
    time: &WorkingTime,
    batches: &Sender<Result<Batch, Stopped>>,
) -> rusqlite::Result<End> {
    let mut batch = Batch::default();
    let mut batch_rows_max = FIRST_BATCH_ROWS;
    let mut rows_left = rows_max;
    let end = loop {
        let row = match rows.next() {
            Ok(Some(row)) if rows_left > 0 => row,
            Ok(Some(_)) => break Ok(End::OutOfRows),
            Ok(None) => break Ok(End::OfResult),
            Err(error) => break Err(error),
        };
        rows_left -= 1;
        match bytes_of(row, width) {
            Ok(bytes) if bytes <= row_bytes_max => {}
            Ok(_) => break Ok(End::RowTooLarge),
            Err(error) => break Err(error),
        }
        if let Err(error) = batch.push(row, width) {
            break Err(error);
        }
        if memory.was_refused() {
            break Ok(End::OfResult);
        }
        if batch.rows() >= batch_rows_max || batch.size() >= BATCH_BYTES {
            let next = Batch::like(&batch);
            let full = std::mem::replace(&mut batch, next);
            if time.pause(|| batches.blocking_send(Ok(full))).is_err() {
                return Ok(End::Unwanted);
            }
            batch_rows_max = (batch_rows_max * 4).min(BATCH_ROWS_MAX);
        }
    };
    if batch.rows() > 0 && !memory.was_refused() && batches.blocking_send(Ok(batch)).is_err() {
        return Ok(End::Unwanted);
    }
    end
}

/// Bytes of the texts and blobs of a row, which are about to be copied.
fn bytes_of(row: &Row<'_>, width: usize) -> rusqlite::Result<u64> {
    (0..width).try_fold(0, |sum: u64, column| {
        let bytes = match row.get_ref(column)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
        };
        Ok(sum.saturating_add(bytes))
    })
}

/// What the database says.
fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } if *offset >= 0 => {
            format!("{msg} (at byte {offset} of the statement)")
        }
        rusqlite::Error::SqliteFailure(cause, Some(message)) => {
            if cause.code == rusqlite::ErrorCode::AuthorizationForStatementDenied {
                return format!("{message}; only reading is allowed");
            }
            message.clone()
        }
        rusqlite::Error::InvalidParameterCount(given, wanted) => {
            format!("{given} parameters were given, the statement has {wanted}")
        }
        rusqlite::Error::MultipleStatement => "give one statement, not several".into(),
        other => other.to_string(),
    }
}
