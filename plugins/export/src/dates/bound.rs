//! The ends of a date range, as the input gives them.

use super::Nanos;
use super::number::{Number, NumberSurvey};
use super::text::{self, Zone};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use longshore_plugin::prelude::*;

/// One end of the range, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bound {
    /// The time of clocks in the time zone, as if it were UTC: for values without an offset.
    pub(super) local: Nanos,
    /// The instant: for values that are one.
    pub(super) instant: Nanos,
}

/// The time zone of that name.
pub(super) fn time_zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name.trim()).map_err(|_| {
        JobError::invalid_input(format!(
            "time_zone: `{name}` is not an IANA time zone such as `Asia/Kolkata`"
        ))
    })
}

impl Bound {
    /// Reads a date, a time or Unix time.
    pub(super) fn read(field: &str, text: &str, zone: &TimeZone) -> Result<Self> {
        let bound = match text::read(text.as_bytes()) {
            Some(written) if written.zone == Zone::None => {
                let instant = zone.to_ambiguous_zoned(written.civil).compatible();
                written
                    .local()
                    .zip(instant.ok())
                    .map(|(local, instant)| Self { local, instant: instant.timestamp().as_nanosecond() })
            }
            Some(written) => written.instant().and_then(|instant| Self::at(instant, zone)),
            None => number(text).and_then(|(nanos, is_local)| {
                if !is_local {
                    return Self::at(nanos, zone);
                }
                let civil = Offset::UTC.to_datetime(Timestamp::from_nanosecond(nanos).ok()?);
                let instant = zone.to_ambiguous_zoned(civil).compatible().ok()?;
                Some(Self { local: nanos, instant: instant.timestamp().as_nanosecond() })
            }),
        };
        bound.ok_or_else(|| {
            JobError::invalid_input(format!(
                "{field}: `{text}` is not a time; write 2026-03-01, 2026-03-01T09:30:00, \
                 2026-03-01T09:30:00+05:30 or Unix time"
            ))
        })
    }

    fn at(instant: Nanos, zone: &TimeZone) -> Option<Self> {
        let civil = zone.to_datetime(Timestamp::from_nanosecond(instant).ok()?);
        Some(Self { local: Offset::UTC.to_timestamp(civil).ok()?.as_nanosecond(), instant })
    }
}

/// A number as nanoseconds since 1970, and whether that is a local time.
fn number(text: &str) -> Option<(Nanos, bool)> {
    let number = Number::read(text.as_bytes())?;
    let mut survey = NumberSurvey::default();
    survey.add(number);
    let unit = survey.unit().ok()?;
    Some((unit.nanos(number)?, unit.is_local()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARCH: Nanos = 1_772_323_200_000_000_000; // 2026-03-01T00:00:00Z
    const HOUR: Nanos = 3_600_000_000_000;

    fn bound(text: &str, zone: &str) -> Bound {
        Bound::read("from", text, &time_zone(zone).unwrap()).unwrap()
    }

    #[test]
    fn a_bound_is_a_local_time_and_an_instant() {
        let utc = Bound { local: MARCH, instant: MARCH };
        for text in ["2026-03-01", "2026-03-01 00:00", "2026-03-01T00:00:00Z", "1772323200", "1772323200000"]
        {
            assert_eq!(bound(text, "UTC"), utc, "{text}");
        }
        for text in ["20260301", "2461100.5"] {
            assert_eq!(bound(text, "UTC"), utc, "{text}");
        }
        let india = Bound { local: MARCH, instant: MARCH - 11 * HOUR / 2 };
        for text in ["2026-03-01", "2026-03-01T00:00:00+05:30", "2026-02-28T18:30:00Z", "20260301"] {
            assert_eq!(bound(text, "Asia/Kolkata"), india, "{text}");
        }
    }

    #[test]
    fn clocks_that_are_changed_are_followed() {
        let (winter, summer) = (bound("2026-03-29", "Europe/Berlin"), bound("2026-03-30", "Europe/Berlin"));
        assert_eq!(summer.local - winter.local, 24 * HOUR);
        assert_eq!(summer.instant - winter.instant, 23 * HOUR);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in ["March", "2026-13-01", "2026-02-30", "", "2026", "46082"] {
            let error = Bound::read("to", wrong, &TimeZone::UTC).unwrap_err();
            assert!(error.to_string().contains(&format!("to: `{wrong}` is not a time")), "{error}");
        }
        let error = time_zone("Mars/Olympus").unwrap_err();
        assert!(error.to_string().contains("`Mars/Olympus` is not an IANA time zone"), "{error}");
    }
}
