//! Times as numbers: Unix time in its units, Julian days, and dates written as YYYYMMDD.

use super::Nanos;
use jiff::civil::Date;
use longshore_plugin::prelude::{Deserialize, Serialize};

const NANOS_PER_DAY: Nanos = 86_400_000_000_000;

/// Milliseconds from the start of the Julian period to 1970, as SQLite counts them.
const UNIX_EPOCH_JULIAN_MS: i64 = 210_866_760_000_000;
const MS_PER_DAY: f64 = 86_400_000.0;

/// Julian days of the years 1311 to 2680.
const JULIAN_DAYS: std::ops::Range<f64> = 2.2e6..2.7e6;

/// Seconds from 1985 to 2286. In each unit, numbers of these times are a thousand times those of the one before, so no
/// number is of this age in two of them.
const MODERN_SECONDS: std::ops::Range<f64> = 5e8..1e10;

/// What a column of numbers counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unit {
    UnixSeconds,
    UnixMillis,
    UnixMicros,
    UnixNanos,
    JulianDays,
    /// A date as a number: 20260301.
    Compact,
}

/// The units of Unix time with their length, the longest first.
const UNIX_UNITS: [(Unit, Nanos); 4] = [
    (Unit::UnixSeconds, 1_000_000_000),
    (Unit::UnixMillis, 1_000_000),
    (Unit::UnixMicros, 1_000),
    (Unit::UnixNanos, 1),
];

impl Unit {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UnixSeconds => "Unix seconds",
            Self::UnixMillis => "Unix milliseconds",
            Self::UnixMicros => "Unix microseconds",
            Self::UnixNanos => "Unix nanoseconds",
            Self::JulianDays => "Julian days",
            Self::Compact => "YYYYMMDD",
        }
    }

    /// Whether the unit counts days of a calendar rather than instants.
    pub(super) fn is_local(self) -> bool {
        self == Self::Compact
    }

    /// Nanoseconds since 1970 of a number: an instant, or if the unit is local, a local time. None if it is no time.
    pub(super) fn nanos(self, number: Number) -> Option<Nanos> {
        match self {
            Self::Compact => compact(number),
            Self::JulianDays => {
                let ms = (number.as_f64() * MS_PER_DAY).round() as i64;
                Some(Nanos::from(ms.checked_sub(UNIX_EPOCH_JULIAN_MS)?) * 1_000_000)
            }
            unix => Some(match number {
                Number::Integer(integer) => Nanos::from(integer) * unix.unix_nanos(),
                // A float has no more than microseconds of present seconds.
                Number::Real(real) => {
                    let (whole, micros) =
                        (real.floor(), (real - real.floor()) * unix.unix_nanos() as f64 / 1e3);
                    whole as Nanos * unix.unix_nanos() + micros.round() as Nanos * 1_000
                }
            }),
        }
    }

    /// The least number that is not before a time, given in nanoseconds as [`nanos`](Self::nanos) gives it. So a
    /// number is before the time exactly if it is less.
    pub(super) fn bound(self, nanos: Nanos) -> Number {
        match self {
            Self::Compact => {
                let days = nanos.div_euclid(NANOS_PER_DAY) + Nanos::from(nanos.rem_euclid(NANOS_PER_DAY) > 0);
                let seconds = i64::try_from(days * 86_400).unwrap_or(i64::MAX);
                let date = jiff::Timestamp::from_second(seconds)
                    .map_or(Date::MAX, |time| jiff::tz::Offset::UTC.to_datetime(time).date());
                let (year, month, day) = (date.year(), date.month(), date.day());
                Number::Integer(i64::from(year) * 10_000 + i64::from(month) * 100 + i64::from(day))
            }
            Self::JulianDays => {
                let ms = (nanos + 999_999).div_euclid(1_000_000) + Nanos::from(UNIX_EPOCH_JULIAN_MS);
                // A day's fraction is rounded to a millisecond when it is read, here as in SQLite.
                Number::Real((ms as f64 - 0.5) / MS_PER_DAY)
            }
            unix => {
                let unit = unix.unix_nanos();
                let (whole, rest) = (nanos.div_euclid(unit), nanos.rem_euclid(unit));
                match i64::try_from(whole) {
                    Ok(whole) if rest == 0 => Number::Integer(whole),
                    Ok(whole) if whole < 0 => Number::Real(whole as f64 + rest as f64 / unit as f64),
                    // By way of the digits, because that is the float next to the time.
                    Ok(whole) => {
                        let digits = unit.ilog10() as usize;
                        Number::Real(format!("{whole}.{rest:0digits$}").parse().unwrap_or(f64::MAX))
                    }
                    Err(_) => Number::Real(whole as f64),
                }
            }
        }
    }

    fn unix_nanos(self) -> Nanos {
        UNIX_UNITS.iter().find(|(unit, _)| *unit == self).map_or(1, |(_, nanos)| *nanos)
    }
}

/// A number of SQLite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    Real(f64),
}

impl Number {
    /// Reads a number in decimal.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text.trim_ascii()).ok()?;
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        if !text.chars().all(is_number) {
            return None;
        }
        let integer = text.parse().map(Self::Integer);
        integer.or_else(|_| text.parse().map(Self::Real)).ok().filter(|number| number.as_f64().is_finite())
    }

    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Real(real) => real,
        }
    }
}

/// The date that a number of eight digits writes.
fn compact(number: Number) -> Option<Nanos> {
    let number = match number {
        Number::Integer(integer) => integer,
        Number::Real(real) if real.fract() == 0.0 => real as i64,
        Number::Real(_) => return None,
    };
    if !(10_000_000..100_000_000).contains(&number) {
        return None;
    }
    let date = Date::new((number / 10_000) as i16, (number / 100 % 100) as i8, (number % 100) as i8).ok()?;
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    Some(jiff::tz::Offset::UTC.to_timestamp(midnight).ok()?.as_nanosecond())
}

/// What numbers of a column tell about its unit.
#[derive(Debug)]
pub(super) struct NumberSurvey {
    all_compact: bool,
    all_julian: bool,
    some_julian: Option<Number>,
    /// The first number that is a time of our age in each unit of Unix time.
    modern: [Option<Number>; UNIX_UNITS.len()],
    /// The number furthest from zero.
    largest: Number,
    is_empty: bool,
}

impl Default for NumberSurvey {
    fn default() -> Self {
        Self {
            all_compact: true,
            all_julian: true,
            some_julian: None,
            modern: [None; UNIX_UNITS.len()],
            largest: Number::Integer(0),
            is_empty: true,
        }
    }
}

/// Numbers whose unit cannot be told.
#[derive(Debug, PartialEq)]
pub(super) enum Unclear {
    /// Times of our age in two units.
    Mixed([(Unit, Number); 2]),
    /// Too small to be a time.
    TooSmall(Number),
}

impl NumberSurvey {
    pub(super) fn add(&mut self, number: Number) {
        let value = number.as_f64();
        self.is_empty = false;
        if self.all_compact {
            self.all_compact = compact(number).is_some();
        }
        if JULIAN_DAYS.contains(&value) {
            self.some_julian.get_or_insert(number);
        } else {
            self.all_julian = false;
        }
        let magnitude = value.abs();
        if magnitude >= MODERN_SECONDS.start {
            let mut unit = 1.0;
            for modern in &mut self.modern {
                if modern.is_none() && MODERN_SECONDS.contains(&(magnitude / unit)) {
                    *modern = Some(number);
                }
                unit *= 1e3;
            }
        }
        if magnitude > self.largest.as_f64().abs() {
            self.largest = number;
        }
    }

    pub(super) fn largest(&self) -> Number {
        self.largest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// What the numbers count.
    pub(super) fn unit(&self) -> Result<Unit, Unclear> {
        if self.all_julian {
            return Ok(Unit::JulianDays);
        }
        if self.all_compact {
            return Ok(Unit::Compact);
        }
        let units = UNIX_UNITS.map(|(unit, _)| unit);
        let mut modern =
            units.into_iter().zip(self.modern).filter_map(|(unit, number)| Some((unit, number?)));
        match (modern.next(), modern.next()) {
            (Some(one), Some(other)) => Err(Unclear::Mixed([one, other])),
            (Some(one), None) => match self.some_julian {
                Some(julian) => Err(Unclear::Mixed([one, (Unit::JulianDays, julian)])),
                None => Ok(one.0),
            },
            (None, _) => {
                let largest = self.largest.as_f64().abs();
                // Years, days since 1900 and the like are numbers that are small.
                if largest != 0.0 && largest < 1e6 {
                    return Err(Unclear::TooSmall(self.largest));
                }
                let longest = units.into_iter().zip([1.0, 1e3, 1e6, 1e9]);
                let fits = |(_, unit): &(Unit, f64)| largest / unit < MODERN_SECONDS.end;
                Ok(longest.clone().find(fits).map_or(Unit::UnixNanos, |(unit, _)| unit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(numbers: &[f64]) -> Result<Unit, Unclear> {
        let mut survey = NumberSurvey::default();
        for number in numbers {
            let is_whole = number.fract() == 0.0;
            survey.add(if is_whole { Number::Integer(*number as i64) } else { Number::Real(*number) });
        }
        survey.unit()
    }

    #[test]
    fn units_are_told_by_all_numbers() {
        assert_eq!(unit(&[1_772_323_200.0, 0.0, -1.0]), Ok(Unit::UnixSeconds));
        assert_eq!(unit(&[1_772_323_200.5]), Ok(Unit::UnixSeconds));
        assert_eq!(unit(&[86_400_000.0]), Ok(Unit::UnixSeconds), "1972");
        assert_eq!(unit(&[1_772_323_200_000.0, 0.0]), Ok(Unit::UnixMillis));
        assert_eq!(unit(&[1_772_323_200_000_000.0]), Ok(Unit::UnixMicros));
        assert_eq!(unit(&[1_772_323_200_000_000_000.0]), Ok(Unit::UnixNanos));
        assert_eq!(unit(&[2_461_100.5, 2_461_101.0]), Ok(Unit::JulianDays));
        assert_eq!(unit(&[20_260_301.0, 19_991_231.0]), Ok(Unit::Compact));
        assert_eq!(unit(&[20_260_301.0, 20_260_230.0]), Ok(Unit::UnixSeconds), "no February has 30 days");
    }

    #[test]
    fn numbers_of_two_units_or_of_none_are_named() {
        let (seconds, millis) = (1_772_323_200.0, 1_772_323_200_000.0);
        let mixed = Unclear::Mixed([
            (Unit::UnixSeconds, Number::Integer(seconds as i64)),
            (Unit::UnixMillis, Number::Integer(millis as i64)),
        ]);
        assert_eq!(unit(&[millis, seconds]), Err(mixed));
        let julian = Unclear::Mixed([
            (Unit::UnixSeconds, Number::Integer(seconds as i64)),
            (Unit::JulianDays, Number::Real(2_461_100.5)),
        ]);
        assert_eq!(unit(&[seconds, 2_461_100.5]), Err(julian));
        assert_eq!(unit(&[2024.0, 2026.0]), Err(Unclear::TooSmall(Number::Integer(2026))), "years");
        assert_eq!(
            unit(&[46_082.0]),
            Err(Unclear::TooSmall(Number::Integer(46_082))),
            "days of a spreadsheet"
        );
    }

    #[test]
    fn a_bound_is_the_least_number_that_is_not_before_it() {
        let march = 1_772_323_200_000_000_000; // 2026-03-01T00:00:00Z
        assert_eq!(Unit::UnixSeconds.bound(march), Number::Integer(1_772_323_200));
        assert_eq!(Unit::UnixSeconds.bound(march + 250_000_000), Number::Real(1_772_323_200.25));
        assert_eq!(Unit::UnixSeconds.bound(-250_000_000), Number::Real(-0.25));
        assert_eq!(Unit::UnixMillis.bound(march), Number::Integer(1_772_323_200_000));
        assert_eq!(Unit::UnixMillis.bound(march + 500_000), Number::Real(1_772_323_200_000.5));
        assert_eq!(Unit::UnixNanos.bound(march + 1), Number::Integer(1_772_323_200_000_000_001));
        assert_eq!(Unit::Compact.bound(march), Number::Integer(20_260_301));
        assert_eq!(Unit::Compact.bound(march + 1), Number::Integer(20_260_302));
        let Number::Real(julian) = Unit::JulianDays.bound(march) else { panic!() };
        assert!(julian < 2_461_100.5 && 2_461_100.5 - julian < 1e-8, "{julian}");
    }

    #[test]
    fn numbers_are_read_as_the_times_that_they_are() {
        let march = 1_772_323_200_000_000_000;
        assert_eq!(Unit::UnixSeconds.nanos(Number::Real(1_772_323_200.001)), Some(march + 1_000_000));
        assert_eq!(Unit::UnixMillis.nanos(Number::Integer(-1)), Some(-1_000_000));
        assert_eq!(Unit::JulianDays.nanos(Number::Real(2_461_100.5)), Some(march));
        assert_eq!(Unit::Compact.nanos(Number::Integer(20_260_301)), Some(march));
        assert_eq!(Unit::Compact.nanos(Number::Integer(20_260_230)), None);
    }
}
