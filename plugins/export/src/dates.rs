//! The ends of a date range: checked, and put into the form in which the column holds its dates.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use longshore_plugin::prelude::*;

/// How a column holds its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// ISO 8601 text, whose order is the order of time.
    Text,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
}

impl Stored {
    /// Judged by one value of the column. Seconds pass 100,000,000,000 in the year 5138, milliseconds did in 1973.
    pub(crate) fn judged_by(value: &Value) -> Self {
        let magnitude = match value {
            Value::Integer(integer) => integer.unsigned_abs() as f64,
            Value::Real(real) => real.abs(),
            _ => return Self::Text,
        };
        if magnitude < 1e11 { Self::UnixSeconds } else { Self::UnixMillis }
    }

    /// One end of the range, to compare the column with. Without an offset a time counts as UTC where the column
    /// holds Unix time; a text column is compared with the text as it was given.
    pub(crate) fn bound(self, field: &str, text: &str) -> Result<Value> {
        let text = text.trim();
        let instant = text
            .parse::<Timestamp>()
            .or_else(|_| Ok(text.parse::<DateTime>()?.to_zoned(TimeZone::UTC)?.timestamp()))
            .map_err(|_: jiff::Error| {
                JobError::invalid_input(format!(
                    "{field}: `{text}` is not a date; write 2026-03-01 or 2026-03-01T09:30:00+05:30"
                ))
            })?;
        Ok(match self {
            Self::Text => Value::Text(text.to_owned()),
            Self::UnixSeconds => Value::Integer(instant.as_second()),
            Self::UnixMillis => Value::Integer(instant.as_millisecond()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_take_the_form_of_the_column() {
        let bound = |stored: Stored, text| stored.bound("from", text).unwrap();
        assert_eq!(bound(Stored::Text, "2026-03-01"), Value::Text("2026-03-01".into()));
        assert_eq!(bound(Stored::UnixSeconds, "1970-01-02"), Value::Integer(86_400));
        assert_eq!(bound(Stored::UnixMillis, "1970-01-01T05:30:01+05:30"), Value::Integer(1_000));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for wrong in ["March", "2026-13-01", "2026-02-30", ""] {
            let error = Stored::Text.bound("to", wrong).unwrap_err();
            assert!(error.to_string().contains("to: `"), "{error}");
        }
    }

    #[test]
    fn the_form_is_judged_by_a_value() {
        assert_eq!(Stored::judged_by(&"2026-03-01".into()), Stored::Text);
        assert_eq!(Stored::judged_by(&Value::Integer(1_772_323_200)), Stored::UnixSeconds);
        assert_eq!(Stored::judged_by(&Value::Integer(1_772_323_200_000)), Stored::UnixMillis);
        assert_eq!(Stored::judged_by(&Value::Real(1.5)), Stored::UnixSeconds);
    }
}
