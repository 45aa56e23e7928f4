//! A calendar month, and dates as invoices show them.

use longshore_plugin::prelude::*;
use std::fmt;

const NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Month {
    pub(crate) year: u16,
    /// From 1.
    pub(crate) month: u8,
}

impl Month {
    /// Reads `YYYY-MM`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong =
            || JobError::invalid_input(format!("month: `{text}` is not a month; write it as 2026-03"));
        let (year, month) = text.trim().split_once('-').ok_or_else(wrong)?;
        if year.len() != 4
            || month.len() != 2
            || !text.trim().bytes().all(|b| b.is_ascii_digit() || b == b'-')
        {
            return Err(wrong());
        }
        let (year, month) = (year.parse().map_err(|_| wrong())?, month.parse().map_err(|_| wrong())?);
        if (1..=12).contains(&month) { Ok(Self { year, month }) } else { Err(wrong()) }
    }

    /// The month after.
    pub(crate) fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        }
    }
}

/// `2026-03`, which is also where its times begin in the order of texts.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The local date and time of an RFC 3339 text: what its first 19 characters say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    pub(crate) month: Month,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
}

impl LocalTime {
    /// Reads `2026-03-01T09:30:00+05:30`. A text without a time is the start of its day.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let part = |start: usize| text.get(start..start + 2).and_then(|digits| digits.parse::<u8>().ok());
        let month = text.get(..7).and_then(|month| Month::parse(month).ok());
        let (Some(month), Some(day)) = (month, part(8).filter(|day| (1..=31).contains(day))) else {
            return Err(JobError::failed(format!("an order has the date `{text}`, which is not RFC 3339")));
        };
        let [hour, minute, second] = [11, 14, 17].map(|start| part(start).unwrap_or(0));
        Ok(Self { month, day, hour, minute, second })
    }

    /// `01-Mar-2026`.
    pub(crate) fn date(self) -> String {
        format!("{:02}-{}-{:04}", self.day, NAMES[usize::from(self.month.month) - 1], self.month.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_and_follow_each_other() {
        assert_eq!(Month::parse("2026-03").unwrap(), Month { year: 2026, month: 3 });
        assert_eq!(Month::parse("2026-12").unwrap().next().to_string(), "2027-01");
        for wrong in ["2026-13", "2026-00", "2026-3", "26-03", "March 2026", "", "2026-+3", "2026-03-01"] {
            assert!(Month::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_local() {
        let time = LocalTime::parse("2026-03-01T00:15:07+05:30").unwrap();
        assert_eq!((time.date().as_str(), time.hour, time.minute, time.second), ("01-Mar-2026", 0, 15, 7));
        assert_eq!(LocalTime::parse("2026-03-31").unwrap().date(), "31-Mar-2026");
        assert!(LocalTime::parse("yesterday").is_err());
    }
}
