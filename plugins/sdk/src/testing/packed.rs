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

pub(super) fn query(
    database: &Connection,
    sql: &str,
    params: &[Value],
) -> rusqlite::Result<(Vec<Column>, VecDeque<Vec<Value>>)> {
    let mut statement = database.prepare(sql)?;
    let column = |column: &rusqlite::Column<'_>| Column {
        name: column.name().into(),
        declared_type: column.decl_type().map(str::to_owned),
    };
    let columns: Vec<_> = statement.columns().map(|c| column(&c)).collect();
    let read =
        |row: &rusqlite::Row<'_>| (0..columns.len()).map(|index| Ok(value(row.get_ref(index)?))).collect();
    let rows = statement.query_map(params_from_iter(params.iter().map(Bound)), read)?;
    let rows = rows.collect::<rusqlite::Result<_>>()?;
    Ok((columns, rows))
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => Value::Blob(text.into()),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.into()),
    }
}

pub(super) fn pack(rows: impl Iterator<Item = Vec<Value>>) -> PackedRows {
    let mut packed = PackedRows { rows: 0, kinds: Vec::new(), words: Vec::new(), bytes: Vec::new() };
    for row in rows {
        packed.rows += 1;
        for value in row {
            let (kind, word, bytes): (u8, i64, &[u8]) = match &value {
                Value::Null => (0, 0, &[]),
                Value::Integer(integer) => (1, *integer, &[]),
                Value::Real(real) => (2, real.to_bits() as i64, &[]),
                Value::Text(text) => (3, text.len() as i64, text.as_bytes()),
                Value::Blob(blob) => (4, blob.len() as i64, blob),
            };
            packed.kinds.push(kind);
            packed.words.push(word);
            packed.bytes.extend_from_slice(bytes);
        }
    }
    packed
}
