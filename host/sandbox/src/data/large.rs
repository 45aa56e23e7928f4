//! Which value of a result is larger than a value may be.

use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::bindings::longshore::job::data::Column;

/// A row, or a value in it, that has more bytes than one may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TooLarge {
    /// Number of the row in the result, from 1.
    pub(crate) row: u64,
    /// Its largest column and the bytes there; `None` where no column is too large, but what the query computes on the way.
    pub(crate) column: Option<(String, u64)>,
}

/// Whether the texts and blobs of a row, which are about to be copied, are larger together than a value may be.
pub(crate) fn check(
    row: &Row<'_>,
    number: u64,
    columns: Option<&[Column]>,
    bytes_max: u64,
) -> rusqlite::Result<Option<TooLarge>> {
    let columns = columns.unwrap_or_default();
    let (mut sum, mut largest) = (0_u64, (0, 0));
    for column in 0..columns.len() {
        let bytes = match row.get_ref(column)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
        };
        sum = sum.saturating_add(bytes);
        if bytes > largest.1 {
            largest = (column, bytes);
        }
    }
    if sum <= bytes_max {
        return Ok(None);
    }
    let column = columns.get(largest.0).map(|column| (column.name.clone(), largest.1));
    Ok(Some(TooLarge { row: number, column }))
}

/// Finds the value for which SQLite gave up, which it does not say. The lengths of a table's values can be asked for without
/// reading them.
pub(crate) fn find(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    columns: Option<&[Column]>,
    row: u64,
) -> TooLarge {
    let columns = columns.unwrap_or_default();
    let bytes_max = connection.limit(Limit::SQLITE_LIMIT_LENGTH).unwrap_or(i32::MAX);
    let lengths = lengths(connection, sql, params, columns.len(), row);
    let _ = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes_max);
    let largest = lengths.unwrap_or_default().into_iter().zip(columns).max_by_key(|(bytes, _)| *bytes);
    let column = largest.filter(|(bytes, _)| *bytes > u64::from(bytes_max.unsigned_abs()));
    TooLarge { row, column: column.map(|(bytes, column)| (column.name.clone(), bytes)) }
}

/// Bytes of each value of one row.
fn lengths(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    width: usize,
    row: u64,
) -> rusqlite::Result<Vec<u64>> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::MAX)?;
    let list = |of: fn(usize) -> String| (0..width).map(of).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "WITH result({}) AS (\n{}\n) SELECT {} FROM result LIMIT 1 OFFSET {}",
        list(|column| format!("c{column}")),
        sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace()),
        list(|column| format!("octet_length(c{column})")),
        row.saturating_sub(1)
    );
    connection.query_row(&sql, params_from_iter(params), |row| {
        let bytes = |column| Ok(row.get::<_, Option<i64>>(column)?.unwrap_or_default().unsigned_abs());
        (0..width).map(bytes).collect()
    })
}
