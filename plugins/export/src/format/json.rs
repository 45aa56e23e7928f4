//! JSON: an object for each row, on a line of its own, or all of them in one array.
//!
//! Integers are exact whatever their size, floats the shortest that reads back; what JSON has no number for is
//! written as a text: `"Infinity"`. Blobs are Base64.

use super::number::{not_finite, push_base64, push_integer, push_real};
use super::{Encoder, replaced, words};
use crate::input::Input;
use crate::plan::PlannedColumn;
use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Cells};

/// One object a line.
pub(crate) struct JsonLines(Objects);

/// One array.
pub(crate) struct JsonArray(Objects);

impl Encoder for JsonLines {
    fn new(columns: &[PlannedColumn], _: &Input, _: &[u8]) -> Result<Self> {
        Ok(Self(Objects::new(columns)))
    }

    fn begin(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn row(&mut self, cells: &mut Cells<'_>, _: usize, _: bool, out: &mut Vec<u8>) -> Result<()> {
        self.0.push(cells, out);
        out.push(b'\n');
        Ok(())
    }

    fn end(&mut self, _: u64, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

impl Encoder for JsonArray {
    fn new(columns: &[PlannedColumn], _: &Input, _: &[u8]) -> Result<Self> {
        Ok(Self(Objects::new(columns)))
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'[');
        Ok(())
    }

    #[inline]
    fn row(&mut self, cells: &mut Cells<'_>, _: usize, first: bool, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(if first { b"\n" } else { b",\n" });
        self.0.push(cells, out);
        Ok(())
    }

    fn end(&mut self, rows: u64, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(if rows == 0 { b"]\n" } else { b"\n]\n" });
        Ok(())
    }
}

/// Writes objects whose keys are the columns.
struct Objects {
    /// What comes before each value: `{"first":`, `,"second":` …
    before: Vec<Vec<u8>>,
}

impl Objects {
    fn new(columns: &[PlannedColumn]) -> Self {
        let before = |(index, column): (usize, &PlannedColumn)| {
            let mut text = vec![if index == 0 { b'{' } else { b',' }];
            push_string(column.name.as_bytes(), &mut text);
            text.push(b':');
            text
        };
        Self { before: columns.iter().enumerate().map(before).collect() }
    }

    #[inline]
    fn push(&self, cells: &mut Cells<'_>, out: &mut Vec<u8>) {
        for (before, cell) in self.before.iter().zip(cells) {
            words::push(before, out);
            match cell {
                Cell::Null => out.extend_from_slice(b"null"),
                Cell::Integer(integer) => push_integer(integer, out),
                Cell::Real(real) if real.is_finite() => push_real(real, out),
                Cell::Real(real) => push_string(not_finite(real).as_bytes(), out),
                Cell::Text(text) => push_string(text, out),
                Cell::InvalidText(text) => push_string(&replaced(text), out),
                Cell::Blob(blob) => {
                    out.push(b'"');
                    push_base64(blob, out);
                    out.push(b'"');
                }
            }
        }
        out.push(b'}');
    }
}

/// A JSON string: quotes, backslashes and control characters escaped, everything else as it is.
#[inline]
fn push_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    let needs_escapes = words::push_searched(text, out, |word| {
        words::any_below(word, 0x20) | words::any_equal(word, b'"') | words::any_equal(word, b'\\')
    });
    if needs_escapes {
        out.truncate(start);
        push_escaped(text, out);
    }
    out.push(b'"');
}

fn must_be_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

fn push_escaped(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(place) = text.iter().position(|byte| must_be_escaped(*byte)) {
        out.extend_from_slice(&text[..place]);
        match text[place] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        text = &text[place + 1..];
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_back_every_string() {
        let control: String = (0u8..0x20).map(char::from).collect();
        let texts = [
            "",
            "plain",
            "a \"b\" \\ c",
            "ünïcødé ₹ 🙂",
            "\u{7f}\u{2028}",
            "sixteen bytes ok, \"then\" more",
        ];
        for text in texts.into_iter().chain([control.as_str()]) {
            let mut out = Vec::new();
            push_string(text.as_bytes(), &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
