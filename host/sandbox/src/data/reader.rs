//! A thread that runs queries on a connection that can only read.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use tokio::sync::oneshot;

use crate::bindings::longshore::job::data::Column;
use crate::data::batch::Batch;
use crate::data::source::{Request, Source};

/// How long a reader waits for its next query before it ends.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How long a query waits for a program that writes to the source.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Steps of SQLite's machine between two looks whether the query is still wanted.
const STEPS_BETWEEN_LOOKS: i32 = 4_000;

/// A batch is handed over when it has this many bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// Rows of the first batch, so that the first rows come soon; each batch after it may have four times as many.
const FIRST_BATCH_ROWS: u32 = 64;
const BATCH_ROWS_MAX: u32 = 16 * 1024;

/// Schema queries that a job may make besides SELECT; they only read.
const PRAGMAS: [&str; 7] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];

/// Functions that reach out of the database.
const DENIED_FUNCTIONS: [&str; 5] = ["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"];

/// A query to run, and where its answers go.
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
    /// Bytes of the largest value.
    pub(crate) value_bytes_max: u64,
    /// Its columns, once it is prepared.
    pub(crate) columns: oneshot::Sender<Result<Vec<Column>, QueryError>>,
    /// Its rows; the channel closes at the end of the result.
    pub(crate) batches: tokio::sync::mpsc::Sender<Result<Batch, String>>,
    /// Set when nobody wants the answer any more.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// A query was not started.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// The source cannot be opened.
    Unavailable(String),
    /// The database refuses the query.
    Failed(String),
}

/// Opens the file at `path` and serves requests until none comes for a while.
pub(crate) fn serve(source: &Weak<Source>, path: &Path, requests: &mpsc::Receiver<Request>) {
    let mut connection = match open(path) {
        Ok(connection) => connection,
        Err(error) => {
            if let Ok(request) = requests.recv() {
                let _ = request.query.columns.send(Err(QueryError::Unavailable(text(&error))));
            }
            return;
        }
    };
    while let Ok(Request { query, reader }) = requests.recv_timeout(IDLE_MAX) {
        let cancelled = Arc::clone(&query.cancelled);
        let look = move || cancelled.load(Ordering::Relaxed);
        if connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(look)).is_err() {
            return;
        }
        run(&connection, query);
        match source.upgrade() {
            Some(source) => source.give_back(reader),
            None => return,
        }
    }
}

/// Opens a connection that reads and does nothing else.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // A file that is no database shows itself only when it is read.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.authorizer(Some(authorize))?;
    Ok(connection)
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    let is = |name: &str, of: &[&str]| of.iter().any(|other| other.eq_ignore_ascii_case(name));
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !is(function_name, &DENIED_FUNCTIONS) => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name, .. } if is(pragma_name, &PRAGMAS) => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

/// Runs a query to its end, or until nobody wants its rows.
///
/// A statement reads one snapshot from its first row to its last, so no transaction is needed around it.
fn run(connection: &Connection, query: Query) {
    let Query { sql, params, value_bytes_max, columns, batches, .. } = query;
    let length_max = i32::try_from(value_bytes_max).unwrap_or(i32::MAX);
    let prepared =
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length_max).and_then(|_| connection.prepare(&sql));
    let mut statement = match prepared {
        Ok(statement) => statement,
        Err(error) => {
            let _ = columns.send(Err(QueryError::Failed(text(&error))));
            return;
        }
    };
    let found: Vec<Column> = statement
        .columns()
        .map(|column| Column {
            name: column.name().to_owned(),
            declared_type: column.decl_type().map(ToOwned::to_owned),
        })
        .collect();
    if !statement.readonly() || found.is_empty() {
        let message = "this is not a statement that reads rows; only SELECT is allowed";
        let _ = columns.send(Err(QueryError::Failed(message.into())));
        return;
    }
    let width = found.len();
    let mut rows = match statement.query(params_from_iter(params)) {
        Ok(rows) => rows,
        Err(error) => {
            let _ = columns.send(Err(QueryError::Failed(text(&error))));
            return;
        }
    };
    if columns.send(Ok(found)).is_err() {
        return;
    }
    let mut batch = Batch::default();
    let mut rows_max = FIRST_BATCH_ROWS;
    let failed = loop {
        let pushed = match rows.next() {
            Ok(Some(row)) => batch.push(row, width),
            Ok(None) => break None,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            break Some(text(&error));
        }
        if batch.rows() >= rows_max || batch.size() >= BATCH_BYTES {
            let next = Batch::like(&batch);
            if batches.blocking_send(Ok(std::mem::replace(&mut batch, next))).is_err() {
                return;
            }
            rows_max = (rows_max * 4).min(BATCH_ROWS_MAX);
        }
    };
    if batch.rows() > 0 && batches.blocking_send(Ok(batch)).is_err() {
        return;
    }
    if let Some(message) = failed {
        let _ = batches.blocking_send(Err(message));
    }
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
