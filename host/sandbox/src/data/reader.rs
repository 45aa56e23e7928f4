//! Runs a query on a connection that can only read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rusqlite::hooks::AuthContext;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Rows, Statement, params_from_iter};

use crate::bindings::longshore::job::data::Column;
use crate::data::access::Access;
use crate::data::batch::Batch;
use crate::data::functions;
use crate::data::large;
use crate::data::line::{Line, Unwanted};
use crate::data::memory::QueryMemory;
use crate::data::open::{self, LogIndex, wants_own_index};
use crate::data::query::{Allowed, Query};
use crate::data::stopped::Stopped;
use crate::data::time::WorkingTime;
use crate::data::trouble;
use crate::data::vfs;
use crate::data::virtual_tables::VirtualTables;

/// Steps of SQLite's machine between two looks whether the query is still wanted. One step may handle a whole value.
const STEPS_BETWEEN_LOOKS: i32 = 200;

/// How often a query begins anew because the source was changed under it.
const TRIES_MAX: u32 = 20;

const CHANGED: &str = "another program began to write while the query ran, and changed what it had still to read; run the \
                       job again";

/// A batch is handed over when it has this many bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// Rows of the first batch, so that the first rows come soon; each batch after it may have four times as many.
const FIRST_BATCH_ROWS: u32 = 64;
const BATCH_ROWS_MAX: u32 = 16 * 1024;

/// Answers a query, on the connection that is idle or a new one. `idle` is left with one that may be. `is_over` is asked again
/// and again whether to go on.
pub(crate) fn answer(
    query: Query,
    memory: &QueryMemory,
    idle: &mut Option<Connection>,
    line: &Line,
    time: &WorkingTime,
    is_over: impl Fn() -> bool + Clone + Send + 'static,
) {
    let Query { path, sql, params, allowed, .. } = query;
    let access = Access::new(allowed.tables.clone());
    let answer = Answer { line, given: None, has_rows: false };
    let mut run = Run { path, sql, params, access, memory, time, allowed, answer };
    let mut index = LogIndex::Shared;
    for _ in 0..TRIES_MAX {
        let mut connection = match idle.take().map_or_else(|| open::open(&run.path, index), Ok) {
            Ok(connection) => connection,
            Err(why) => return run.answer.unavailable(why),
        };
        match run.on(&mut connection, is_over.clone()) {
            Ok(Outcome::Answered) => {
                // One in WAL mode is closed: it would have writers leave files behind.
                *idle = Some(connection).filter(|connection| !vfs::look(connection).uses_log);
                return;
            }
            Ok(Outcome::Again(with)) => index = with,
            Err(error) => {
                let why = trouble::explain(&error, &run.path, None);
                return run.answer.unavailable(why);
            }
        }
    }
    run.answer.end(&Stopped::Unavailable(CHANGED.into()));
}

/// A query that is being answered.
struct Run<'a> {
    path: PathBuf,
    sql: String,
    params: Vec<Value>,
    access: Access,
    memory: &'a QueryMemory,
    time: &'a WorkingTime,
    allowed: Allowed,
    answer: Answer<'a>,
}

/// Where the answers go.
struct Answer<'a> {
    line: &'a Line,
    /// The columns that were given.
    given: Option<Vec<Column>>,
    has_rows: bool,
}

/// What became of one try.
enum Outcome {
    Answered,
    /// Nothing was given that another try could contradict.
    Again(LogIndex),
}

impl Answer<'_> {
    /// Ends the query before its columns or before its next row.
    fn end(&self, stopped: &Stopped) {
        self.line.end(stopped);
    }

    fn unavailable(&self, why: String) {
        match self.given {
            None => self.line.unopened(&why),
            Some(_) => self.line.end(&Stopped::Unavailable(why)),
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
        let given = self.line.columns(&found);
        self.given = Some(found);
        given.map_err(|Unwanted| End::Unwanted)
    }
}

impl Run<'_> {
    /// Runs the query. A statement reads one snapshot from its first row to its last, so no transaction is needed around it.
    /// The error is one of a connection that is of no use.
    fn on(
        &mut self,
        connection: &mut Connection,
        is_over: impl Fn() -> bool + Send + 'static,
    ) -> rusqlite::Result<Outcome> {
        connection.progress_handler(0, None::<fn() -> bool>)?;
        connection.authorizer(None::<fn(AuthContext<'_>) -> rusqlite::hooks::Authorization>)?;
        let access = self.access.with(VirtualTables::of(connection)?);
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over))?;
        let asked = access.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| asked.authorize(&context)))?;
        let value_bytes_max = self.allowed.value_bytes_max;
        connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(value_bytes_max).unwrap_or(i32::MAX))?;
        functions::replace_slow_ones(connection, value_bytes_max)?;
        let memory = self.memory;
        let _counting = memory.counted();
        let ended = self.read(connection);
        // A value for which there was no memory is a NULL, or the end of the result, to who only looks at the values.
        let was_refused = memory.was_refused();
        // Errors, too, may come of what was changed under the query.
        let is_lost = vfs::look(connection).is_lost || matches!(ended, Ok(End::Lost));
        if is_lost && !was_refused && !matches!(ended, Ok(End::Unwanted)) {
            if self.answer.has_rows {
                self.answer.end(&Stopped::Unavailable(CHANGED.into()));
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
        self.answer.end(&stopped);
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
            if self.memory.was_refused() {
                break Ok(End::OfResult);
            }
            if batch.rows() >= batch_rows_max || batch.size() >= BATCH_BYTES {
                if let Err(end) = self.give(connection, &batch) {
                    return Ok(end);
                }
                batch.clear();
                batch_rows_max = (batch_rows_max * 4).min(BATCH_ROWS_MAX);
            }
        };
        if batch.rows() > 0
            && !self.memory.was_refused()
            && let Err(end) = self.give(connection, &batch)
        {
            return Ok(end);
        }
        end
    }

    /// Gives a batch that holds one state of the source, or says why not.
    fn give(&mut self, connection: &Connection, batch: &Batch) -> Result<(), End> {
        let found = vfs::look(connection);
        if found.is_lost {
            return Err(End::Lost);
        }
        let line = self.answer.line;
        if !line.is_wanted() {
            return Err(End::Unwanted);
        }
        let given = self.time.pause(|| {
            line.batch(batch, || {
                // A writer that came is kept from changing the rows that are still to be read.
                if found.is_unguarded {
                    vfs::look(connection);
                }
            })
        });
        self.answer.has_rows = true;
        given.map_err(|Unwanted| End::Unwanted)
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
        let text = trouble::explain(error, &self.path, Some(said));
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
