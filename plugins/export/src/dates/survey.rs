//! What a column of dates holds: every value is looked at, and what they have in common is noted.

use super::number::{Number, NumberSurvey, Unclear, Unit};
use super::text::{self, Style, Zone};
use longshore_plugin::Cell;
use longshore_plugin::prelude::*;

/// Values that an error shows, and how much of each.
const VALUES_SHOWN: usize = 3;
const CHARS_SHOWN: usize = 40;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    /// Nothing but NULL.
    Empty,
    /// ISO 8601 text. With a style, texts compare as the times do.
    Text {
        style: Option<TextStyle>,
        /// Whether each begins with its date, so that dates compare as text.
        begin_with_date: bool,
        /// Seconds east of UTC, if all that have an offset have this.
        offset: Option<i32>,
    },
    /// Numbers of one unit.
    Number {
        unit: Unit,
        /// Whether some are stored as text, which SQL compares as text.
        some_text: bool,
    },
}

/// A style of ISO 8601 whose texts compare as the times do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextStyle {
    /// Between date and time; none if there are only dates.
    pub(super) separator: Option<u8>,
    /// Seconds east of UTC; none for local times.
    pub(super) offset: Option<i32>,
    /// Longest bound, in characters, that compares right.
    pub(super) bound_length_max: usize,
}

/// Values seen so far.
#[derive(Debug, Default)]
pub(super) struct Survey {
    numbers: NumberSurvey,
    some_number_text: bool,
    texts: TextSurvey,
    no_times: Sample,
}

/// What the texts have in common.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, found in passing
struct TextSurvey {
    sample: Sample,
    separator: Option<u8>,
    zone: Option<Zone>,
    /// Length of the times; dates alone do not count.
    length: Option<usize>,
    lengths_differ: bool,
    styles_differ: bool,
    some_indented: bool,
    some_date: bool,
    offset: Option<i32>,
    offsets_differ: bool,
}

/// How many values are of a kind, and some of them.
#[derive(Debug, Default)]
struct Sample {
    count: u64,
    shown: Vec<String>,
}

impl Sample {
    #[inline]
    fn add(&mut self, cell: Cell<'_>) {
        self.count += 1;
        if self.shown.len() < VALUES_SHOWN {
            let value = shown(cell);
            if !self.shown.contains(&value) {
                self.shown.push(value);
            }
        }
    }
}

impl Survey {
    /// Looks at a value.
    pub(super) fn add(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Null => {}
            Cell::Integer(integer) => self.numbers.add(Number::Integer(integer)),
            Cell::Real(real) if real.is_finite() => self.numbers.add(Number::Real(real)),
            Cell::Text(bytes) => match text::read(bytes) {
                Some(written) if written.local().is_some() => {
                    self.texts.add(cell, bytes, written);
                }
                _ => match Number::read(bytes) {
                    Some(number) => {
                        self.numbers.add(number);
                        self.some_number_text = true;
                    }
                    None => self.no_times.add(cell),
                },
            },
            _ => self.no_times.add(cell),
        }
    }

    /// What the column holds, or why its values are not times that can be compared.
    pub(super) fn form(&self, column: &str) -> Result<Form> {
        let refused = |what: String| {
            Err(JobError::invalid_input(format!(
                "date_column: `{column}` {what}; leave such rows out by `filters`"
            )))
        };
        if self.no_times.count > 0 {
            let (count, values) = (self.no_times.count, self.no_times.shown.join(", "));
            let how_many = if count == 1 {
                "1 value that is no time".into()
            } else {
                format!("{count} values that are no times")
            };
            return refused(format!("holds {how_many}: {values}"));
        }
        let unit = self.numbers.unit();
        if self.texts.sample.count > 0 && !self.numbers.is_empty() {
            let text = self.texts.sample.shown.first().map_or("", String::as_str);
            let number = self.numbers.largest();
            return refused(format!(
                "mixes dates as text and as numbers: {text} and {}",
                shown_number(number)
            ));
        }
        if self.texts.sample.count > 0 {
            return Ok(self.texts.form());
        }
        if self.numbers.is_empty() {
            return Ok(Form::Empty);
        }
        match unit {
            Ok(unit) => Ok(Form::Number { unit, some_text: self.some_number_text }),
            Err(Unclear::Mixed([(one, first), (other, second)])) => refused(format!(
                "mixes {} and {}: {} and {}",
                one.name(),
                other.name(),
                shown_number(first),
                shown_number(second)
            )),
            Err(Unclear::TooSmall(number)) => refused(format!(
                "holds numbers that are neither Unix time, Julian days nor YYYYMMDD: {}",
                shown_number(number)
            )),
        }
    }
}

impl TextSurvey {
    fn add(&mut self, cell: Cell<'_>, bytes: &[u8], written: text::Written) {
        self.sample.add(cell);
        self.some_indented |= bytes.first().is_some_and(u8::is_ascii_whitespace);
        if let Some(offset) = written.zone.offset() {
            self.offsets_differ |= *self.offset.get_or_insert(offset) != offset;
        }
        let Some(Style { separator, length }) = written.style else {
            self.styles_differ = true;
            return;
        };
        if separator.is_none() {
            self.some_date = true;
            return;
        }
        let zone = *self.zone.get_or_insert(written.zone);
        self.styles_differ |=
            zone != written.zone || self.separator.is_some_and(|other| Some(other) != separator);
        self.separator = separator;
        self.lengths_differ |= *self.length.get_or_insert(length) != length;
    }

    fn form(&self) -> Form {
        let offset = self.zone.and_then(Zone::offset);
        // `Z` comes after the point and the colon that a longer time has in its place; `+` and `-` do not.
        let is_utc = self.zone == Some(Zone::Utc);
        let has_style =
            !(self.styles_differ || self.some_date && offset.is_some() || is_utc && self.lengths_differ);
        let style = TextStyle {
            separator: self.separator,
            offset,
            bound_length_max: if is_utc { self.length.unwrap_or(usize::MAX) } else { usize::MAX },
        };
        Form::Text {
            style: has_style.then_some(style),
            begin_with_date: !self.some_indented,
            offset: self.offset.filter(|_| !self.offsets_differ),
        }
    }
}

/// A value for an error: short, and on one line.
pub(super) fn shown(cell: Cell<'_>) -> String {
    let text = match cell {
        Cell::Null => return "NULL".into(),
        Cell::Integer(integer) => return integer.to_string(),
        Cell::Real(real) => return shown_number(Number::Real(real)),
        Cell::Blob(blob) => return format!("a blob of {} bytes", blob.len()),
        Cell::Text(bytes) | Cell::InvalidText(bytes) => String::from_utf8_lossy(bytes),
    };
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(CHARS_SHOWN).flat_map(char::escape_debug).collect();
    format!("`{start}{}`", if chars.next().is_some() { "…" } else { "" })
}

fn shown_number(number: Number) -> String {
    match number {
        Number::Integer(integer) => integer.to_string(),
        Number::Real(real) => format!("{real:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(values: &[&str]) -> Result<Form> {
        let mut survey = Survey::default();
        for value in values {
            survey.add(Cell::Text(value.as_bytes()));
        }
        survey.form("at")
    }

    fn has_style(values: &[&str]) -> bool {
        matches!(form(values).unwrap(), Form::Text { style: Some(_), .. })
    }

    #[test]
    fn texts_of_one_style_compare_as_text() {
        assert!(has_style(&["2026-03-01", "2026-03-02"]));
        assert!(has_style(&["2026-03-01", "2026-03-01 09:30", "2026-03-01 09:30:15.25"]));
        assert!(has_style(&["2026-03-01T09:30:15+05:30", "2026-03-01T09:30:15.5+05:30"]));
        assert!(has_style(&["2026-03-01T09:30:15Z", "2026-03-01T09:30:16Z"]));
        assert!(!has_style(&["2026-03-01T09:30:15Z", "2026-03-01T09:30:15.5Z"]), "`Z` comes after `.`");
        assert!(!has_style(&["2026-03-01 09:30", "2026-03-01T09:30"]));
        assert!(!has_style(&["2026-03-01T09:30+05:30", "2026-03-01T09:30+01:00"]));
        assert!(!has_style(&["2026-03-01T09:30Z", "2026-03-01T09:30+00:00"]));
        assert!(!has_style(&["2026-03-01", "2026-03-01T09:30+05:30"]));
        assert!(!has_style(&[" 2026-03-01"]));
    }

    #[test]
    fn errors_name_values_and_not_too_much_of_them() {
        let long = "x".repeat(1000);
        let error = form(&["2026-03-01", "soon", "n/a\n", "soon", &long, "never"]).unwrap_err().to_string();
        assert!(error.contains("holds 5 values that are no times: `soon`, `n/a\\n`, `xxxx"), "{error}");
        assert!(error.len() < 250, "{error}");
        let error = form(&["2026-03-01", "1772323200"]).unwrap_err().to_string();
        assert!(error.contains("mixes dates as text and as numbers: `2026-03-01` and 1772323200"), "{error}");
        let error = form(&["1772323200000", "1772323200"]).unwrap_err().to_string();
        assert!(
            error.contains("mixes Unix seconds and Unix milliseconds: 1772323200 and 1772323200000"),
            "{error}"
        );
    }
}
