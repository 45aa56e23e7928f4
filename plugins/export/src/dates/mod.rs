//! Rows of a date range, by time and not by how times are written.
//!
//! Every value of the column is looked at before anything is exported ([`survey`]). Where values compare as the
//! times do, in the column's own order, the range becomes a condition in SQL, which an index can answer. Where they
//! do not, each row is judged here ([`Judge`]), behind a coarse condition if there is one.

mod bound;
mod number;
mod survey;
mod text;

use crate::input::Input;
use crate::sql::{self, Conditions};
use bound::Bound;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Source};
use number::{Number, Unit};
use std::fmt::Write as _;
use survey::{Form, Survey, TextStyle};

/// Nanoseconds since 1970.
type Nanos = i128;

const NANOS_PER_DAY: Nanos = 86_400_000_000_000;

/// Values looked at from one report of progress to the next.
const ROWS_PER_BATCH: u32 = 8192;

/// A range of time: from, included, to, not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DateRange {
    from: Option<Bound>,
    to: Option<Bound>,
}

/// Decides row by row, where SQL cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judge {
    /// SQL of the column.
    pub(crate) column: String,
    /// What numbers count; none if the column holds ISO 8601 text.
    unit: Option<Unit>,
    range: DateRange,
}

/// The range as the input asks for it.
pub(crate) struct Asked<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
    zone: Option<TimeZone>,
}

impl<'a> Asked<'a> {
    /// Checks each field by itself; none if the input has neither end.
    pub(crate) fn read(input: &'a Input) -> Result<Option<Self>> {
        let zone = input.time_zone.as_deref().map(bound::time_zone).transpose()?;
        let asked = Self { from: input.from.as_deref(), to: input.to.as_deref(), zone };
        asked.ends(&TimeZone::UTC)?;
        Ok((asked.from.is_some() || asked.to.is_some()).then_some(asked))
    }

    fn ends(&self, zone: &TimeZone) -> Result<DateRange> {
        let read = |field, end: Option<&str>| end.map(|text| Bound::read(field, text, zone)).transpose();
        Ok(DateRange { from: read("from", self.from)?, to: read("to", self.to)? })
    }

    /// The range, in the time zone that is given, or else in that of the column: the offset that all its values have,
    /// or UTC.
    fn range(&self, form: &Form) -> Result<DateRange> {
        let of_column = match form {
            Form::Text { offset: Some(seconds), .. } => {
                Offset::from_seconds(*seconds).map(TimeZone::fixed).ok()
            }
            _ => None,
        };
        let zone = self.zone.clone().or(of_column).unwrap_or(TimeZone::UTC);
        let range = self.ends(&zone)?;
        if let (Some(start), Some(end)) = (range.from, range.to)
            && start.instant >= end.instant
        {
            let (from, to) = (self.from.unwrap_or_default(), self.to.unwrap_or_default());
            return Err(JobError::invalid_input(if start == end {
                format!("from and to are both `{from}`, and `to` is not included: no row can match")
            } else {
                format!("from: `{from}` is after `to`, which is `{to}`")
            }));
        }
        Ok(range)
    }

    /// Looks at the column's values in the rows that meet `conditions`, and adds the range to these. What is left to
    /// judge row by row is given back.
    pub(crate) fn apply(
        &self,
        source: &Source,
        table: &str,
        column: &str,
        conditions: &mut Conditions,
        mut looking: impl FnMut() -> Result<()>,
    ) -> Result<Option<Judge>> {
        let name = column;
        let column = sql::column(name);
        let mut values = conditions.clone();
        values.push(format!("{column} IS NOT NULL"), []);
        let sql = format!("SELECT {column} FROM {} AS t{}", sql::quoted(table), values.sql());
        let mut survey = Survey::default();
        let mut cursor = source.query(&sql, values.params())?;
        while let Some(batch) = cursor.next_batch(ROWS_PER_BATCH)? {
            batch.cells().for_each(|cell| survey.add(cell));
            looking()?;
        }
        let form = survey.form(name)?;
        Ok(self.range(&form)?.condition(form, column, conditions))
    }
}

impl DateRange {
    fn condition(self, form: Form, column: String, conditions: &mut Conditions) -> Option<Judge> {
        let mut push =
            |operator: &str, bound: Value| conditions.push(format!("{column} {operator} ?"), [bound]);
        let (unit, coarse) = match form {
            Form::Empty => {
                conditions.push("0".into(), []);
                return None;
            }
            Form::Text { style: Some(style), .. }
                if self.ends().all(|(_, end)| style.bound(end).is_some()) =>
            {
                for (operator, end) in self.ends() {
                    push(operator, Value::Text(style.bound(end).unwrap_or_default()));
                }
                return None;
            }
            Form::Text { begin_with_date, .. } => {
                // Two days more on either side: offsets are less than one.
                let widened = [(-2, self.from), (2, self.to)].map(|(days, end)| {
                    let end = end.filter(|_| begin_with_date)?;
                    let nanos =
                        if days < 0 { end.local.min(end.instant) } else { end.local.max(end.instant) };
                    date(nanos + days * NANOS_PER_DAY)
                });
                (None, widened)
            }
            Form::Number { unit, some_text: false } => {
                for (operator, end) in self.ends() {
                    let bound = unit.bound(if unit.is_local() { end.local } else { end.instant });
                    push(
                        operator,
                        match bound {
                            Number::Integer(integer) => Value::Integer(integer),
                            Number::Real(real) => Value::Real(real),
                        },
                    );
                }
                return None;
            }
            Form::Number { unit, .. } => (Some(unit), [None, None]),
        };
        for (operator, date) in [">=", "<"].into_iter().zip(coarse) {
            if let Some(date) = date {
                push(operator, Value::Text(date));
            }
        }
        conditions.push(format!("{column} IS NOT NULL"), []);
        Some(Judge { column, unit, range: self })
    }

    fn ends(self) -> impl Iterator<Item = (&'static str, Bound)> {
        [(">=", self.from), ("<", self.to)].into_iter().filter_map(|(operator, end)| Some((operator, end?)))
    }

    fn contains(self, nanos: Nanos, of: impl Fn(Bound) -> Nanos) -> bool {
        self.from.is_none_or(|from| nanos >= of(from)) && self.to.is_none_or(|to| nanos < of(to))
    }
}

impl TextStyle {
    /// The least text that is not before a time: without zeros at its end, which make a text longer and no later.
    /// None if texts of the style do not compare right with it.
    fn bound(self, end: Bound) -> Option<String> {
        let nanos = self.offset.map_or(end.local, |offset| end.instant + Nanos::from(offset) * 1_000_000_000);
        let civil = Offset::UTC.to_datetime(Timestamp::from_nanosecond(nanos).ok()?);
        if !(0..=9999).contains(&civil.year()) {
            return None;
        }
        let mut text = civil.date().to_string();
        let time = civil.time();
        let nanos_of_second = civil.subsec_nanosecond();
        if time != jiff::civil::Time::midnight() {
            text.push(char::from(self.separator.unwrap_or(b'T')));
            let _ = write!(text, "{:02}:{:02}", time.hour(), time.minute()); // writing to a String cannot fail
            if time.second() != 0 || nanos_of_second != 0 {
                let _ = write!(text, ":{:02}", time.second());
            }
            if nanos_of_second != 0 {
                text += format!(".{nanos_of_second:09}").trim_end_matches('0');
            }
        }
        (text.len() <= self.bound_length_max).then_some(text)
    }
}

impl Judge {
    /// Whether a value is in the range. It was a time when all were looked at, a moment ago.
    #[inline]
    pub(crate) fn contains(&self, cell: Cell<'_>) -> Result<bool> {
        let time = match (self.unit, cell) {
            (None, Cell::Text(bytes)) => text::read(bytes).and_then(|written| match written.instant() {
                Some(instant) => Some((instant, false)),
                None => Some((written.local()?, true)),
            }),
            (Some(unit), cell) => {
                let number = match cell {
                    Cell::Integer(integer) => Some(Number::Integer(integer)),
                    Cell::Real(real) => Some(Number::Real(real)),
                    Cell::Text(bytes) => Number::read(bytes),
                    _ => None,
                };
                number.and_then(|number| unit.nanos(number)).map(|nanos| (nanos, unit.is_local()))
            }
            _ => None,
        };
        let (nanos, is_local) = time.ok_or_else(crate::plan::changed)?;
        Ok(self.range.contains(nanos, |end| if is_local { end.local } else { end.instant }))
    }
}

/// A date in UTC as text; none outside of the years that have four digits.
fn date(nanos: Nanos) -> Option<String> {
    let date = Offset::UTC.to_datetime(Timestamp::from_nanosecond(nanos).ok()?).date();
    (0..=9999).contains(&date.year()).then(|| date.to_string())
}
