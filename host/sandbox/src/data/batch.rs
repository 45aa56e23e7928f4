//! Rows in the flat form in which they cross the boundary.

use rusqlite::Row;
use rusqlite::types::{Value as SqlValue, ValueRef};

use crate::bindings::longshore::job::data::{PackedRows, Value};

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;
/// Text that is not UTF-8. Only who asks for it so is given it under this kind; to all others it is a blob.
const RAW_TEXT: u8 = 5;

/// Some rows of a result, as the contract's `packed-rows` lays them out.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    rows: u32,
    kinds: Vec<u8>,
    words: Vec<i64>,
    bytes: Vec<u8>,
}

impl Batch {
    /// Bytes of a cell in the flat form, beside those of texts and blobs.
    pub(crate) const CELL_BYTES: usize = 1 + size_of::<i64>();

    /// Empties it. Batches of one query resemble each other, so its room is kept.
    pub(crate) fn clear(&mut self) {
        self.rows = 0;
        self.kinds.clear();
        self.words.clear();
        self.bytes.clear();
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) fn cells(&self) -> usize {
        self.kinds.len()
    }

    /// Bytes of its texts and blobs.
    pub(crate) fn value_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        self.kinds.len() + self.words.len() * size_of::<i64>() + self.bytes.len()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &Row<'_>, columns: usize) -> rusqlite::Result<()> {
        for column in 0..columns {
            let (kind, word) = match row.get_ref(column)? {
                ValueRef::Null => (NULL, 0),
                ValueRef::Integer(integer) => (INTEGER, integer),
                ValueRef::Real(real) => (REAL, real.to_bits().cast_signed()),
                ValueRef::Text(text) => {
                    self.bytes.extend_from_slice(text);
                    // SQLite takes any bytes for text; the contract promises UTF-8.
                    (if std::str::from_utf8(text).is_ok() { TEXT } else { RAW_TEXT }, text.len() as i64)
                }
                ValueRef::Blob(blob) => {
                    self.bytes.extend_from_slice(blob);
                    (BLOB, blob.len() as i64)
                }
            };
            self.kinds.push(kind);
            self.words.push(word);
        }
        self.rows += 1;
        Ok(())
    }
}

impl Batch {
    /// The rows as they are, with text that is not UTF-8 under its own kind.
    pub(crate) fn into_raw(self) -> PackedRows {
        PackedRows { rows: self.rows, kinds: self.kinds, words: self.words, bytes: self.bytes }
    }
}

impl From<Batch> for PackedRows {
    fn from(mut batch: Batch) -> Self {
        for kind in &mut batch.kinds {
            *kind = if *kind == RAW_TEXT { BLOB } else { *kind };
        }
        batch.into_raw()
    }
}

/// Batches between two processes.
impl Batch {
    /// Adds its kinds, its words and its bytes.
    pub(crate) fn to_flat(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.kinds);
        to.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        to.extend_from_slice(&self.bytes);
    }

    /// What was added so. `None` if the parts do not fit together.
    pub(crate) fn from_flat(rows: u32, cells: usize, flat: &[u8]) -> Option<Self> {
        let (kinds, rest) = flat.split_at_checked(cells)?;
        let (words, bytes) = rest.split_at_checked(cells.checked_mul(size_of::<i64>())?)?;
        let (words, _) = words.as_chunks();
        let words: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
        let mut length = 0_usize;
        for (kind, word) in kinds.iter().zip(&words) {
            match *kind {
                NULL | INTEGER | REAL => {}
                TEXT | BLOB | RAW_TEXT => length = length.checked_add(usize::try_from(*word).ok()?)?,
                _ => return None,
            }
        }
        (length == bytes.len()).then(|| Self { rows, kinds: kinds.to_vec(), words, bytes: bytes.to_vec() })
    }

    /// The parameters of a query, as one row.
    pub(crate) fn of_params(params: &[SqlValue]) -> Self {
        let mut batch = Self { rows: 1, ..Self::default() };
        for param in params {
            let (kind, word, bytes): (_, _, &[u8]) = match param {
                SqlValue::Null => (NULL, 0, &[]),
                SqlValue::Integer(integer) => (INTEGER, *integer, &[]),
                SqlValue::Real(real) => (REAL, real.to_bits().cast_signed(), &[]),
                SqlValue::Text(text) => (TEXT, text.len() as i64, text.as_bytes()),
                SqlValue::Blob(blob) => (BLOB, blob.len() as i64, blob),
            };
            batch.kinds.push(kind);
            batch.words.push(word);
            batch.bytes.extend_from_slice(bytes);
        }
        batch
    }

    /// Its first row, as parameters.
    pub(crate) fn into_params(self) -> Vec<SqlValue> {
        let columns = self.cells();
        let params = self.into_values(columns).into_iter().flatten().map(|value| match value {
            Value::Null => SqlValue::Null,
            Value::Integer(integer) => SqlValue::Integer(integer),
            Value::Real(real) => SqlValue::Real(real),
            Value::Text(text) => SqlValue::Text(text),
            Value::Blob(blob) => SqlValue::Blob(blob),
        });
        params.collect()
    }
}

/// A batch that is being given out, in the pieces that a guest asks for.
#[derive(Debug)]
pub(crate) struct Remainder {
    batch: Batch,
    columns: usize,
    cells_given: usize,
    bytes_given: usize,
}

impl Remainder {
    pub(crate) fn new(batch: Batch, columns: usize) -> Self {
        Self { batch, columns, cells_given: 0, bytes_given: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells_given == self.batch.kinds.len()
    }

    /// The next `rows_max` rows. A whole batch is given without copying it.
    pub(crate) fn take(&mut self, rows_max: u32) -> Batch {
        if self.cells_given == 0 && self.batch.rows <= rows_max {
            let whole = std::mem::take(&mut self.batch);
            (self.cells_given, self.bytes_given) = (0, 0);
            return whole;
        }
        let rows_left = (self.batch.kinds.len() - self.cells_given) / self.columns.max(1);
        let rows = rows_left.min(rows_max as usize);
        let cells = self.cells_given..self.cells_given + rows * self.columns;
        let kinds = self.batch.kinds[cells.clone()].to_vec();
        let words = self.batch.words[cells.clone()].to_vec();
        let length: i64 =
            kinds.iter().zip(&words).filter(|(kind, _)| **kind >= TEXT).map(|(_, word)| word).sum();
        let bytes = self.bytes_given..self.bytes_given + length as usize;
        self.cells_given = cells.end;
        self.bytes_given = bytes.end;
        Batch { rows: rows as u32, kinds, words, bytes: self.batch.bytes[bytes].to_vec() }
    }
}

impl Batch {
    /// The rows as single values.
    pub(crate) fn into_values(self, columns: usize) -> Vec<Vec<Value>> {
        let mut bytes = self.bytes.as_slice();
        let mut take = |length: i64| {
            let (taken, rest) = bytes.split_at(length as usize);
            bytes = rest;
            taken.to_vec()
        };
        let mut values = self.kinds.iter().zip(&self.words).map(|(&kind, &word)| match kind {
            INTEGER => Value::Integer(word),
            REAL => Value::Real(f64::from_bits(word.cast_unsigned())),
            TEXT => match String::from_utf8(take(word)) {
                Ok(text) => Value::Text(text),
                Err(bytes) => Value::Blob(bytes.into_bytes()),
            },
            BLOB | RAW_TEXT => Value::Blob(take(word)),
            _ => Value::Null,
        });
        (0..self.rows).map(|_| values.by_ref().take(columns).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(rows: i64) -> Batch {
        let connection = crate::data::in_memory();
        let mut statement = connection
            .prepare(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
                 SELECT i, i * 0.5, 'row ' || i, NULL, CAST(x'ff' AS TEXT) FROM n",
            )
            .unwrap();
        let mut found = statement.query([rows]).unwrap();
        let mut batch = Batch::default();
        while let Some(row) = found.next().unwrap() {
            batch.push(row, 5).unwrap();
        }
        batch
    }

    #[test]
    fn pieces_add_up_to_the_whole() {
        let whole = format!("{:?}", batch(10).into_values(5));
        for rows_max in [1, 3, 4, 10, 100] {
            let mut rest = Remainder::new(batch(10), 5);
            let mut values = Vec::new();
            while !rest.is_empty() {
                let piece = rest.take(rows_max);
                assert!(piece.rows() <= rows_max && piece.rows() > 0);
                values.extend(piece.into_values(5));
            }
            assert_eq!(format!("{values:?}"), whole, "in pieces of {rows_max}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_arrives_as_a_blob() {
        let values = batch(1).into_values(5);
        assert!(matches!(&values[0][2], Value::Text(text) if text == "row 1"));
        assert!(matches!(&values[0][4], Value::Blob(blob) if blob == &[0xff]));
    }

    #[test]
    fn text_that_is_not_utf8_has_a_kind_of_its_own_for_who_asks() {
        assert_eq!(batch(1).into_raw().kinds, [INTEGER, REAL, TEXT, NULL, RAW_TEXT]);
        assert_eq!(PackedRows::from(batch(1)).kinds, [INTEGER, REAL, TEXT, NULL, BLOB]);
    }
}
