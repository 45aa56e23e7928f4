//! CSV as RFC 4180 has it: a header, commas, CRLF, quotes where they are needed.
//!
//! NULL is an empty field and an empty text is `""`, so that the two stay apart (PostgreSQL's COPY reads it so).
//!
//! Texts are exact, unless formulas are to be escaped, as OWASP advises for files that people open in a spreadsheet.

use super::number::{push_base64, push_integer, push_real};
use super::{Encoder, replaced, words};
use crate::input::Input;
use crate::plan::PlannedColumn;
use longshore_plugin::csv::Formulas;
use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Cells};

pub(crate) struct Csv {
    header: Vec<u8>,
    formulas: Formulas,
    /// A field on its way.
    field: Vec<u8>,
}

impl Encoder for Csv {
    fn new(columns: &[PlannedColumn], input: &Input, _: &[u8]) -> Result<Self> {
        let mut csv = Self { header: Vec::new(), formulas: input.formulas, field: Vec::new() };
        let mut header = Vec::new();
        for column in columns {
            csv.push(column.name.as_bytes(), &mut header);
            header.push(b',');
        }
        end_line(&mut header);
        Ok(Self { header, ..csv })
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.header);
        Ok(())
    }

    #[inline]
    fn row(&mut self, cells: &mut Cells<'_>, width: usize, _: bool, out: &mut Vec<u8>) -> Result<()> {
        for cell in cells.by_ref().take(width) {
            match cell {
                Cell::Null => {}
                Cell::Integer(integer) => push_integer(integer, out),
                Cell::Real(real) => push_real(real, out),
                Cell::Text(text) => self.push(text, out),
                Cell::InvalidText(text) => self.push(&replaced(text), out),
                Cell::Blob([]) => out.extend_from_slice(b"\"\""),
                Cell::Blob(blob) => {
                    // Base64 may begin with a plus.
                    if self.formulas == Formulas::Escape && blob[0] >> 2 == 62 {
                        out.push(b'\'');
                    }
                    push_base64(blob, out);
                }
            }
            out.push(b',');
        }
        end_line(out);
        Ok(())
    }

    fn end(&mut self, _: u64, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

impl Csv {
    #[inline]
    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if self.formulas.escapes(text) {
            self.field.clear();
            self.field.push(b'\'');
            self.field.extend_from_slice(text);
            push_text(&self.field, out);
        } else {
            push_text(text, out);
        }
    }
}

/// Turns the comma after the last field into the end of the line.
fn end_line(out: &mut Vec<u8>) {
    out.pop();
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn push_text(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    // Line ends are found as one of the control characters up to theirs: quoting a tab as well does no harm.
    let needs_quotes = words::push_searched(text, out, |word| {
        words::any_below(word, b'\r' + 1) | words::any_equal(word, b'"') | words::any_equal(word, b',')
    });
    if needs_quotes || text.is_empty() {
        out.truncate(start);
        push_quoted(text, out);
    }
}

fn push_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (place, piece) in text.split(|byte| *byte == b'"').enumerate() {
        if place > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> String {
        let mut out = Vec::new();
        push_text(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", r#""""#),
            ("a,b", r#""a,b""#),
            (r#"say "hi""#, r#""say ""hi""""#),
            ("two\nlines", "\"two\nlines\""),
            ("a long text with a comma only at the end,", "\"a long text with a comma only at the end,\""),
            ("ünïcødé ₹ 漢字 🙂", "ünïcødé ₹ 漢字 🙂"),
        ] {
            assert_eq!(field(text), expected);
        }
    }

    #[test]
    fn a_reader_gets_back_every_text() {
        let pieces = ["", "a", ",", "\"", "\n", "\r", "\r\n", "é", "sixteen bytes ok", " "];
        let mut file = Vec::new();
        let mut expected = Vec::new();
        for a in pieces {
            for b in pieces {
                let text = format!("{a}{b}{a}");
                push_text(text.as_bytes(), &mut file);
                file.extend_from_slice(b",x\r\n");
                expected.push(text);
            }
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
        let read: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read, expected);
    }
}
