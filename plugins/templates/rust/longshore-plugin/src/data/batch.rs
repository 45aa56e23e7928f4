//! Rows in the flat form in which they cross the boundary, read in place.

use super::{Cell, Column, FromCell};
use crate::bindings::longshore::job::data::PackedRows;
use crate::{JobError, Result};
use std::rc::Rc;

/// Some rows of a result.
pub struct Batch {
    columns: Rc<[Column]>,
    packed: PackedRows,
}

impl Batch {
    pub(crate) fn new(columns: Rc<[Column]>, packed: PackedRows) -> Self {
        debug_assert_eq!(packed.kinds.len(), packed.rows as usize * columns.len());
        debug_assert_eq!(packed.kinds.len(), packed.words.len());
        Self { columns, packed }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.packed.rows as usize
    }

    /// Whether there are none; a batch from [`Cursor::next_batch`](super::Cursor::next_batch) always has some.
    pub fn is_empty(&self) -> bool {
        self.packed.rows == 0
    }

    /// The rows, for reading by column.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let width = self.columns.len();
        let mut bytes = self.packed.bytes.as_slice();
        (0..self.len()).map(move |row| {
            let cells = row * width..(row + 1) * width;
            let row = Row {
                columns: &self.columns,
                kinds: &self.packed.kinds[cells.clone()],
                words: &self.packed.words[cells],
                bytes,
            };
            bytes = &bytes[row.byte_len()..];
            row
        })
    }

    /// All cells, row by row, left to right, with nothing copied: the fast way through millions of them.
    pub fn cells(&self) -> Cells<'_> {
        Cells { kinds: self.packed.kinds.iter(), words: self.packed.words.iter(), bytes: &self.packed.bytes }
    }

    /// All rows in their flat form.
    pub fn span(&self) -> Span<'_> {
        Span { kinds: &self.packed.kinds, words: &self.packed.words, bytes: &self.packed.bytes }
    }

    /// Whether a cell is a blob, or text that is not valid UTF-8.
    #[allow(clippy::needless_bitwise_bool)] // says why below
    pub fn has_bytes(&self) -> bool {
        // Folded without a way out, so that it is a few instructions for many cells.
        self.packed.kinds.iter().fold(0, |highest: u8, kind| highest.max(*kind)) >= 4
    }
}

/// Some cells in their flat form: what a [`RowDigest`](super::RowDigest) takes.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    pub(super) kinds: &'a [u8],
    pub(super) words: &'a [i64],
    pub(super) bytes: &'a [u8],
}

impl<'a> Cells<'a> {
    /// The cells up to those that `later` has left, which is a clone of this that went further.
    pub fn up_to(&self, later: &Self) -> Span<'a> {
        Span {
            kinds: &self.kinds.as_slice()[..self.kinds.len() - later.kinds.len()],
            words: &self.words.as_slice()[..self.words.len() - later.words.len()],
            bytes: &self.bytes[..self.bytes.len() - later.bytes.len()],
        }
    }
}

/// Iterator over cells; see [`Batch::cells`]. Cloning it marks a place to come back to.
#[derive(Clone)]
pub struct Cells<'a> {
    kinds: std::slice::Iter<'a, u8>,
    words: std::slice::Iter<'a, i64>,
    bytes: &'a [u8],
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    #[inline]
    fn next(&mut self) -> Option<Cell<'a>> {
        let (&kind, &word) = (self.kinds.next()?, self.words.next()?);
        Some(match kind {
            1 => Cell::Integer(word),
            2 => Cell::Real(f64::from_bits(word as u64)),
            3..=5 => {
                let (value, rest) = self.bytes.split_at(word as usize);
                self.bytes = rest;
                match kind {
                    3 => Cell::Text(value),
                    4 => Cell::Blob(value),
                    _ => Cell::InvalidText(value),
                }
            }
            _ => Cell::Null,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.kinds.size_hint()
    }
}

/// One row of a [`Batch`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [Column],
    kinds: &'a [u8],
    words: &'a [i64],
    /// From this row's first byte on.
    bytes: &'a [u8],
}

impl<'a> Row<'a> {
    /// The value of a column, as the type that is asked for. An error names the column.
    pub fn get<T: FromCell<'a>>(&self, column: &str) -> Result<T> {
        let index = self.columns.iter().position(|c| c.name == column);
        let index = index.ok_or_else(|| JobError::failed(format!("the query has no column `{column}`")))?;
        self.at(index)
    }

    /// The value of the column of that number, from 0.
    pub fn at<T: FromCell<'a>>(&self, index: usize) -> Result<T> {
        let cell = self.cells().nth(index);
        let cell = cell.ok_or_else(|| JobError::failed(format!("the query has no column number {index}")))?;
        T::from_cell(cell)
            .map_err(|reason| JobError::failed(format!("column `{}` {reason}", self.columns[index].name)))
    }

    /// The row in its flat form.
    pub fn span(&self) -> Span<'a> {
        Span { kinds: self.kinds, words: self.words, bytes: &self.bytes[..self.byte_len()] }
    }

    /// The cells, left to right.
    pub fn cells(&self) -> Cells<'a> {
        Cells { kinds: self.kinds.iter(), words: self.words.iter(), bytes: self.bytes }
    }

    fn byte_len(&self) -> usize {
        let lengths = self.kinds.iter().zip(self.words).filter(|(kind, _)| matches!(**kind, 3..=5));
        lengths.map(|(_, &length)| length as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let column = |name: &str| Column { name: name.into(), declared_type: None };
        let packed = PackedRows {
            rows: 2,
            kinds: vec![1, 3, 4, 0, 2, 3],
            words: vec![-7, 3, 2, 0, 1.5f64.to_bits() as i64, 0],
            bytes: b"abc\xff\x00".to_vec(),
        };
        Batch::new([column("a"), column("b"), column("c")].into(), packed)
    }

    #[test]
    fn cells_are_read_in_place() {
        let batch = batch();
        let cells: Vec<_> = batch.cells().collect();
        let expected = [
            Cell::Integer(-7),
            Cell::Text(b"abc"),
            Cell::Blob(b"\xff\x00"),
            Cell::Null,
            Cell::Real(1.5),
            Cell::Text(b""),
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn rows_are_read_by_column() {
        let batch = batch();
        let rows: Vec<_> = batch.rows().collect();
        assert_eq!(rows[0].get::<&str>("b").unwrap(), "abc");
        assert_eq!(rows[0].get::<&[u8]>("c").unwrap(), b"\xff\x00");
        assert_eq!(rows[1].get::<Option<i64>>("a").unwrap(), None);
        assert_eq!(rows[1].get::<String>("c").unwrap(), "");
    }

    #[test]
    fn an_unfitting_value_names_its_column() {
        let batch = batch();
        let row = batch.rows().next().unwrap();
        assert_eq!(
            row.get::<i64>("b"),
            Err(JobError::failed("column `b` is text where an integer was expected"))
        );
        assert_eq!(row.get::<u32>("a"), Err(JobError::failed("column `a` is -7, which is out of range")));
        assert_eq!(row.get::<i64>("d"), Err(JobError::failed("the query has no column `d`")));
    }
}
