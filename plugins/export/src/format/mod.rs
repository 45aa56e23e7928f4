//! The formats: each turns rows into bytes, and can be left and taken up again at a cut.

pub(crate) mod csv;
pub(crate) mod json;
mod number;
pub(crate) mod parquet;
mod words;

use crate::input::Input;
use crate::plan::PlannedColumn;
use longshore_plugin::Cells;
use longshore_plugin::prelude::*;

/// Text that is not valid UTF-8, as every format has it: with U+FFFD in place of each sequence of bytes that no
/// character has, as the Unicode standard advises.
pub(crate) fn replaced(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).into_owned().into_bytes()
}

/// Turns rows into bytes. Bytes are appended to `out`, which its caller empties at will.
pub(crate) trait Encoder: Sized {
    /// Rows from one cut to the next, at most. A fixed number, and not a measure of time, because a cut may show
    /// in the file. A cut is a save, so this should be about a second of work.
    const CUT_ROWS: usize = 250_000;
    /// Bytes (those written, and [`pending`](Self::pending)) from one cut to the next, at most one row more.
    const CUT_BYTES: usize = 32 << 20;

    /// An encoder at the start of the file, or with what [`state`](Self::state) gave at the last cut.
    fn new(columns: &[PlannedColumn], input: &Input, saved: &[u8]) -> Result<Self>;

    /// The start of the file.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()>;

    /// The next row: takes `width` cells, all that the file has columns. `first` is set for the file's first row.
    fn row(&mut self, cells: &mut Cells<'_>, width: usize, first: bool, out: &mut Vec<u8>) -> Result<()>;

    /// How much the encoder holds that is not in `out` yet. It must follow from the rows since the last cut alone.
    fn pending(&self) -> usize {
        0
    }

    /// Writes all that is pending.
    fn cut(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    /// What an encoder in another attempt must know, right after a cut.
    fn state(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// The end of a file of so many rows.
    fn end(&mut self, rows: u64, out: &mut Vec<u8>) -> Result<()>;
}
