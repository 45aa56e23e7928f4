//! The values of one column, gathered for a row group.

use crate::format::number::{push_integer, push_real};
use crate::format::replaced;
use crate::plan::changed;
use longshore_plugin::Cell;
use longshore_plugin::prelude::*;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// Values given to the writer at a time: bounds what is made of the texts only to be written.
const VALUES_AT_ONCE: usize = 8192;

/// The type that a column has in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ColumnType {
    /// INT64.
    Integer,
    /// DOUBLE. Integers in the column become doubles, which is exact for those that are found there.
    Double,
    /// BYTE_ARRAY with UTF-8. Numbers in the column become their text.
    Text,
    /// BYTE_ARRAY. Texts in the column are their UTF-8 bytes, numbers those of their text.
    Bytes,
}

impl ColumnType {
    /// For a column without values: by its declared type, read as SQLite reads it.
    pub(crate) fn declared(declared_type: &str) -> Self {
        let declared = declared_type.to_uppercase();
        let has = |names: &[&str]| names.iter().any(|name| declared.contains(name));
        match () {
            () if has(&["INT"]) => Self::Integer,
            () if has(&["CHAR", "CLOB", "TEXT"]) => Self::Text,
            () if has(&["BLOB"]) => Self::Bytes,
            () if has(&["REAL", "FLOA", "DOUB"]) => Self::Double,
            () => Self::Text,
        }
    }

    /// Its name, for the result.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integer => "INT64",
            Self::Double => "DOUBLE",
            Self::Text => "STRING",
            Self::Bytes => "BYTE_ARRAY",
        }
    }

    /// The field of the schema.
    pub(super) fn field(self, name: &str) -> parquet::errors::Result<TypePtr> {
        let (physical, logical) = match self {
            Self::Integer => (Physical::INT64, None),
            Self::Double => (Physical::DOUBLE, None),
            Self::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Self::Bytes => (Physical::BYTE_ARRAY, None),
        };
        let field = Type::primitive_type_builder(name, physical).with_logical_type(logical);
        Ok(Arc::new(field.with_repetition(Repetition::OPTIONAL).build()?))
    }
}

/// The values of one column since the last cut.
pub(super) struct ColumnValues {
    /// 1 for a value, 0 for NULL.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Integer(Vec<i64>),
    Double(Vec<f64>),
    Bytes {
        column_type: ColumnType,
        bytes: Vec<u8>,
        /// Where each value ends in `bytes`.
        ends: Vec<usize>,
    },
}

impl ColumnValues {
    pub(super) fn new(column_type: ColumnType) -> Self {
        let values = match column_type {
            ColumnType::Integer => Values::Integer(Vec::new()),
            ColumnType::Double => Values::Double(Vec::new()),
            ColumnType::Text | ColumnType::Bytes => {
                Values::Bytes { column_type, bytes: Vec::new(), ends: Vec::new() }
            }
        };
        Self { levels: Vec::new(), values }
    }

    /// Adds a cell, and says how much memory it takes.
    #[inline]
    pub(super) fn push(&mut self, cell: Cell<'_>) -> Result<usize> {
        let level_size = size_of::<i16>();
        if cell == Cell::Null {
            self.levels.push(0);
            return Ok(level_size);
        }
        self.levels.push(1);
        match (&mut self.values, cell) {
            (Values::Integer(values), Cell::Integer(integer)) => values.push(integer),
            (Values::Double(values), Cell::Real(real)) => values.push(real),
            (Values::Double(values), Cell::Integer(integer)) => values.push(integer as f64),
            (Values::Bytes { column_type, bytes, ends }, cell) => {
                let start = bytes.len();
                match cell {
                    Cell::Text(text) => bytes.extend_from_slice(text),
                    Cell::InvalidText(text) => bytes.extend_from_slice(&replaced(text)),
                    Cell::Blob(blob) if *column_type == ColumnType::Bytes => bytes.extend_from_slice(blob),
                    Cell::Integer(integer) => push_integer(integer, bytes),
                    Cell::Real(real) => push_real(real, bytes),
                    Cell::Blob(_) | Cell::Null => return Err(changed()),
                }
                ends.push(bytes.len());
                return Ok(level_size + size_of::<usize>() + bytes.len() - start);
            }
            _ => return Err(changed()),
        }
        Ok(level_size + size_of::<u64>())
    }

    /// Gives everything to the writer of the column's chunk, and is empty.
    pub(super) fn write_to(&mut self, writer: &mut ColumnWriter<'_>) -> Result<()> {
        match (&mut self.values, writer) {
            (Values::Integer(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, Some(&self.levels), None)?;
                values.clear();
            }
            (Values::Double(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(values, Some(&self.levels), None)?;
                values.clear();
            }
            (Values::Bytes { bytes, ends, .. }, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let all = ByteArray::from(std::mem::take(bytes));
                let (mut start, mut taken) = (0, 0);
                for levels in self.levels.chunks(VALUES_AT_ONCE) {
                    let count = levels.iter().filter(|level| **level == 1).count();
                    let slice = |end: &usize| {
                        let value = all.slice(start, end - start);
                        start = *end;
                        value
                    };
                    let values: Vec<_> = ends[taken..taken + count].iter().map(slice).collect();
                    taken += count;
                    write_bytes(writer, &values, levels)?;
                }
                ends.clear();
            }
            _ => unreachable!("the schema is made of the same types"),
        }
        self.levels.clear();
        Ok(())
    }
}

fn write_bytes<T: DataType<T = ByteArray>>(
    writer: &mut parquet::column::writer::ColumnWriterImpl<'_, T>,
    values: &[ByteArray],
    levels: &[i16],
) -> Result<()> {
    writer.write_batch(values, Some(levels), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_columns_follow_their_declaration() {
        for (declared, expected) in [
            ("INTEGER", ColumnType::Integer),
            ("bigint", ColumnType::Integer),
            ("VARCHAR(20)", ColumnType::Text),
            ("BLOB", ColumnType::Bytes),
            ("double precision", ColumnType::Double),
            ("", ColumnType::Text),
            ("DATETIME", ColumnType::Text),
        ] {
            assert_eq!(ColumnType::declared(declared), expected, "{declared}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_held_is_an_error() {
        assert!(ColumnValues::new(ColumnType::Integer).push(Cell::Text(b"x")).is_err());
        assert!(ColumnValues::new(ColumnType::Integer).push(Cell::Real(1.5)).is_err());
        assert!(ColumnValues::new(ColumnType::Text).push(Cell::Blob(b"x")).is_err());
        assert!(ColumnValues::new(ColumnType::Bytes).push(Cell::Integer(1)).is_ok());
    }
}
