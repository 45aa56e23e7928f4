//! Why a query has no more rows.

use serde::{Deserialize, Serialize};

use crate::data::large::TooLarge;

/// A query was not started.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// The source cannot be opened.
    Unavailable(String),
    /// It ended before its first row.
    Stopped(Stopped),
}

/// A query ended before its last row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
