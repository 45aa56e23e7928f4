//! When a schedule is due: cron in a time zone.

mod cron;
#[cfg(test)]
mod tests;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::Timestamp;
use cron::CronText;

/// What is known of time zones: the rules of the system, or those that were built in.
pub type TimeZones = TimeZoneDatabase;

/// Why there is no such timetable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    /// The text is not cron.
    #[error(
        "cron {cron:?} is not valid: {why}. It has five fields (minute, hour, day of month, month, day of week), as \
         \"30 2 * * MON-FRI\" has, or six with seconds before them, or is one of {}",
        cron::NICKNAMES.join(", ")
    )]
    InvalidCron {
        /// The text, shortened.
        cron: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone {name:?}; give an IANA name, such as Asia/Kolkata, Europe/Berlin or UTC")]
    UnknownTimeZone {
        /// What was asked for, shortened.
        name: String,
    },
    /// The cron text is valid, and no day fits it.
    #[error("cron {cron:?} never comes: no day has that day of month, month and day of week")]
    NeverComes {
        /// The text.
        cron: String,
    },
}

impl TimetableError {
    /// The stable code that clients see.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidCron { .. } => "invalid_cron",
            Self::UnknownTimeZone { .. } => "unknown_time_zone",
            Self::NeverComes { .. } => "cron_never_comes",
        }
    }
}

/// The times that a cron text names in a time zone.
///
/// Where clocks are changed, cron that names times of day (no `*` in its minute nor its hour) comes once for each of
/// them: one that clocks skip comes at the moment of the change, one that they show twice comes the first time. Cron
/// that names intervals (`*/15 * * * *`, `30 * * * *`) goes by what clocks show: nothing comes of what they skip, and
/// what they show twice comes twice.
#[derive(Clone, Debug)]
pub struct Timetable {
    cron: CronText,
    zone: TimeZone,
}

impl Timetable {
    /// The timetable of a cron text in the time zone of that name.
    pub fn new(cron: &str, time_zone: &str, zones: &TimeZones) -> Result<Self, TimetableError> {
        let cron = CronText::parse(cron)?;
        let zone = zones
            .get(time_zone)
            .map_err(|_| TimetableError::UnknownTimeZone { name: cron::shortened(time_zone) })?;
        Ok(Self { cron, zone })
    }

    /// Name of the time zone, as the IANA writes it.
    pub fn time_zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The first time after `now`.
    pub fn next_after(&self, now: Timestamp) -> Result<Timestamp, TimetableError> {
        self.search(now).ok_or_else(|| TimetableError::NeverComes { cron: self.cron.text().into() })
    }

    /// Goes from one change of the clocks to the next: between two of them they show each time once.
    fn search(&self, now: Timestamp) -> Option<Timestamp> {
        let now = jiff::Timestamp::from_millisecond(now.ms()).ok()?;
        let mut offset = self.zone.to_offset(now);
        let mut shown = match self.shown_before_it_was_changed(now) {
            Some(stopped) if stopped > offset.to_datetime(now) => self.cron.first_from(stopped)?,
            _ => self.cron.first_after(offset.to_datetime(now))?,
        };
        let mut changes = self.zone.following(now);
        loop {
            let at = offset.to_timestamp(shown).ok()?;
            let Some(change) = changes.next().filter(|change| at >= change.timestamp()) else {
                return Some(Timestamp::from_ms(at.as_millisecond()));
            };
            let stopped = offset.to_datetime(change.timestamp());
            offset = change.offset();
            let went_on = offset.to_datetime(change.timestamp());
            if self.cron.names_times_of_day() {
                if shown < went_on {
                    return Some(Timestamp::from_ms(change.timestamp().as_millisecond()));
                }
            } else if went_on != stopped {
                shown = self.cron.first_from(went_on)?;
            }
        }
    }

    /// What clocks showed when they were last changed: what is earlier has come already, even where it is shown again.
    fn shown_before_it_was_changed(&self, now: jiff::Timestamp) -> Option<DateTime> {
        let tick = SignedDuration::from_nanos(1);
        let change = self.zone.preceding(now.checked_add(tick).ok()?).next()?.timestamp();
        let before = self.zone.to_offset(change.checked_sub(tick).ok()?);
        self.cron.names_times_of_day().then(|| before.to_datetime(change))
    }
}
