//! A SQLite result in the forms of the contract. A test's results are small, so they are read whole.

use crate::bindings::longshore::job::data::PackedRows;
use crate::data::{Column, Value};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::collections::VecDeque;

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Owned::Null),
            Value::Integer(integer) => ToSqlOutput::Owned(Owned::Integer(*integer)),
            Value::Real(real) => ToSqlOutput::Owned(Owned::Real(*real)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(blob) => ToSqlOutput::Borrowed(ValueRef::Blob(blob)),
        })
    }
}

/// One cell in the flat form: its kind, its word and its bytes.
pub(super) type Flat = (u8, i64, Vec<u8>);

pub(super) fn query(
    database: &Connection,
    sql: &str,
    params: &[Value],
) -> rusqlite::Result<(Vec<Column>, VecDeque<Vec<Flat>>)> {
    let mut statement = database.prepare(sql)?;
    let column = |column: &rusqlite::Column<'_>| Column {
        name: column.name().into(),
        declared_type: column.decl_type().map(str::to_owned),
    };
    let columns: Vec<_> = statement.columns().map(|c| column(&c)).collect();
    let read =
        |row: &rusqlite::Row<'_>| (0..columns.len()).map(|index| Ok(flat(row.get_ref(index)?))).collect();
    let rows = statement.query_map(params_from_iter(params.iter().map(Bound)), read)?;
    let rows = rows.collect::<rusqlite::Result<_>>()?;
    Ok((columns, rows))
}

fn flat(value: ValueRef<'_>) -> Flat {
    match value {
        ValueRef::Null => (0, 0, Vec::new()),
        ValueRef::Integer(integer) => (1, integer, Vec::new()),
        ValueRef::Real(real) => (2, real.to_bits() as i64, Vec::new()),
        ValueRef::Text(text) => {
            (if std::str::from_utf8(text).is_ok() { 3 } else { 5 }, text.len() as i64, text.into())
        }
        ValueRef::Blob(blob) => (4, blob.len() as i64, blob.into()),
    }
}

pub(super) fn pack(rows: impl Iterator<Item = Vec<Flat>>) -> PackedRows {
    let mut packed = PackedRows { rows: 0, kinds: Vec::new(), words: Vec::new(), bytes: Vec::new() };
    for row in rows {
        packed.rows += 1;
        for (kind, word, bytes) in row {
            packed.kinds.push(kind);
            packed.words.push(word);
            packed.bytes.extend_from_slice(&bytes);
        }
    }
    packed
}
