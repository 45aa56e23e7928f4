//! Dates and times as text: ISO 8601 as databases, libraries and people write it.

use super::Nanos;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A date or a time, read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) civil: DateTime,
    pub(super) zone: Zone,
    /// How it is written, if texts of the same style compare as the times do.
    pub(super) style: Option<Style>,
}

/// What a text says about its time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Nothing.
    None,
    /// `Z` or `UTC`.
    Utc,
    /// `+05:30`: seconds east of UTC.
    Offset(i32),
}

impl Zone {
    /// Seconds east of UTC.
    pub(super) fn offset(self) -> Option<i32> {
        match self {
            Self::None => None,
            Self::Utc => Some(0),
            Self::Offset(seconds) => Some(seconds),
        }
    }
}

/// What texts must have in common to compare as the times do, character by character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// Between date and time; none for a date alone.
    pub(super) separator: Option<u8>,
    /// Characters before the time zone.
    pub(super) length: usize,
}

impl Written {
    /// Nanoseconds since 1970, if the civil time were that of UTC.
    pub(super) fn local(&self) -> Option<Nanos> {
        Some(Offset::UTC.to_timestamp(self.civil).ok()?.as_nanosecond())
    }

    /// Nanoseconds since 1970; none without a time zone.
    pub(super) fn instant(&self) -> Option<Nanos> {
        let seconds = self.zone.offset()?;
        let offset = Offset::from_seconds(seconds).ok()?;
        Some(offset.to_timestamp(self.civil).ok()?.as_nanosecond())
    }
}

/// Reads `YYYY-MM-DD`, then perhaps a time after a space or a T (`HH:MM`, `HH:MM:SS`, with a fraction), then perhaps
/// `Z`, `UTC` or an offset. None for anything else.
pub(super) fn read(text: &[u8]) -> Option<Written> {
    let trimmed = text.trim_ascii();
    let mut is_plain = trimmed.len() == text.len();
    let (date, rest) = trimmed.split_at_checked(10)?;
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let date = Date::new(i16::try_from(year).ok()?, month as i8, day as i8).ok()?;
    let Some((separator, rest)) = rest.split_first() else {
        let style = is_plain.then_some(Style { separator: None, length: 10 });
        return Some(Written { civil: date.to_datetime(Time::midnight()), zone: Zone::None, style });
    };
    if !matches!(separator, b' ' | b'T' | b't') {
        return None;
    }
    is_plain &= *separator != b't';
    let clock =
        rest.iter().position(|c| !matches!(c, b'0'..=b'9' | b':' | b'.' | b',')).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock);
    let (civil, clock_is_plain) = time(date, clock)?;
    let (zone, zone_is_plain) = read_zone(zone)?;
    let style = Style { separator: Some(*separator), length: 11 + clock.len() };
    is_plain &= clock_is_plain && zone_is_plain;
    Some(Written { civil, zone, style: is_plain.then_some(style) })
}

/// The time of day, and whether it is written in the one way that compares as text.
fn time(date: Date, text: &[u8]) -> Option<(DateTime, bool)> {
    let (hour, rest) = (number(text.get(..2)?)?, &text[2..]);
    let (minute, rest) = (number(rest.strip_prefix(b":")?.get(..2)?)?, &rest[3..]);
    let (second, rest) = match rest.strip_prefix(b":") {
        Some(rest) => (number(rest.get(..2)?)?, &rest[2..]),
        None if rest.is_empty() => (0, rest),
        None => return None,
    };
    let (nanos, has_point) = match rest.split_first() {
        None => (0, true),
        Some((point @ (b'.' | b','), digits)) if !digits.is_empty() => (fraction(digits)?, *point == b'.'),
        Some(_) => return None,
    };
    // A day's end, and the second that is put in between two days, are times of ISO 8601 that others write otherwise.
    if (hour, minute, second, nanos) == (24, 0, 0, 0) {
        return Some((date.tomorrow().ok()?.to_datetime(Time::midnight()), false));
    }
    let (second, nanos, is_leap) =
        if second == 60 { (59, 999_999_999, true) } else { (second, nanos, false) };
    let time = Time::new(hour as i8, minute as i8, second as i8, nanos).ok()?;
    Some((date.to_datetime(time), has_point && !is_leap))
}

/// Digits after the point as nanoseconds; what is finer is cut off.
fn fraction(digits: &[u8]) -> Option<i32> {
    let kept = digits.len().min(9);
    let scale = 10_i32.pow(9 - kept as u32);
    digits.iter().all(u8::is_ascii_digit).then_some(())?;
    Some(number(&digits[..kept])? * scale)
}

/// The time zone, and whether it is written as `Z` or `+05:30`.
fn read_zone(text: &[u8]) -> Option<(Zone, bool)> {
    let trimmed = text.trim_ascii_start();
    let is_close = trimmed.len() == text.len();
    let (sign, digits) = match trimmed {
        [] => return Some((Zone::None, is_close)),
        [b'Z'] => return Some((Zone::Utc, is_close)),
        [b'z'] | b"UTC" | b"GMT" => return Some((Zone::Utc, false)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (number(digits)?, 0),
        [_, _, b':', minutes @ ..] if minutes.len() == 2 => (number(&digits[..2])?, number(minutes)?),
        [_, _, _, _] => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    let is_plain = is_close && digits.len() == 5;
    (hours < 24 && minutes < 60).then_some((Zone::Offset(sign * (hours * 3600 + minutes * 60)), is_plain))
}

/// Up to nine decimal digits, and nothing else.
fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (String, Zone, bool) {
        let written = read(text.as_bytes()).unwrap_or_else(|| panic!("`{text}` was not read"));
        (written.civil.to_string(), written.zone, written.style.is_some())
    }

    #[test]
    fn the_forms_of_databases_and_libraries_are_read() {
        let india = Zone::Offset(19_800);
        for (text, civil, zone, is_plain) in [
            ("2026-03-01", "2026-03-01T00:00:00", Zone::None, true),
            ("2026-03-01 09:30", "2026-03-01T09:30:00", Zone::None, true),
            ("2026-03-01T09:30:15", "2026-03-01T09:30:15", Zone::None, true),
            ("2026-03-01 09:30:15.250", "2026-03-01T09:30:15.25", Zone::None, true),
            ("2026-03-01 09:30:15.1234567899", "2026-03-01T09:30:15.123456789", Zone::None, true),
            ("2026-03-01T09:30:15Z", "2026-03-01T09:30:15", Zone::Utc, true),
            ("2026-03-01T09:30:15+05:30", "2026-03-01T09:30:15", india, true),
            ("2026-03-01 09:30:15+0530", "2026-03-01T09:30:15", india, false),
            ("2026-03-01 09:30:15 +0530", "2026-03-01T09:30:15", india, false),
            ("2026-03-01 09:30:15-08", "2026-03-01T09:30:15", Zone::Offset(-28_800), false),
            ("2026-03-01 09:30:15 UTC", "2026-03-01T09:30:15", Zone::Utc, false),
            ("2026-03-01t09:30:15z", "2026-03-01T09:30:15", Zone::Utc, false),
            ("2026-03-01T09:30:15,5", "2026-03-01T09:30:15.5", Zone::None, false),
            (" 2026-03-01 ", "2026-03-01T00:00:00", Zone::None, false),
            ("2026-12-31T24:00:00", "2027-01-01T00:00:00", Zone::None, false),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999", Zone::Utc, false),
        ] {
            assert_eq!(written(text), (civil.to_owned(), zone, is_plain), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "March",
            "2026",
            "2026-3-1",
            "2026-13-01",
            "2026-02-30",
            "0000-00-00",
            "01/03/2026",
            "2026-03-01T",
            "2026-03-01 9:30",
            "2026-03-01 09:30:",
            "2026-03-01 25:00",
            "2026-03-01 09:60",
            "2026-03-01 09:30:15.",
            "2026-03-01 09:30 IST",
            "2026-03-01 09:30+5",
            "2026-03-01 09:30+24:00",
            "2026-03-01x",
            "2026-03-0१",
            "2026-03-01 09:30:15.1.2",
            "2026-03-01T24:00:01",
            "+2026-03-01",
        ] {
            assert_eq!(read(text.as_bytes()), None, "`{text}`");
        }
    }
}
