//! Which jobs a command is about: the same options wherever there may be many.

use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use longshore_domain::{Code, JobTypeName, Owner, TaskFilter, TaskState, Timestamp};

/// The options that choose jobs.
#[derive(clap::Args)]
pub(super) struct Filter {
    /// Only jobs in this state
    #[arg(long, value_parser = state_parser())]
    pub(super) status: Option<TaskState>,

    /// Only jobs of this type
    #[arg(long, value_name = "NAME")]
    job_type: Option<JobTypeName>,

    /// Only jobs that failed with this code
    #[arg(long, value_parser = code_parser(), hide_possible_values = true)]
    code: Option<Code>,

    /// Only jobs submitted since: 2h, 7d, 2026-03-01, or RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<When>,

    /// Only jobs submitted before this time
    #[arg(long, value_name = "TIME")]
    until: Option<When>,

    /// Only jobs that this schedule submitted
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
}

impl Filter {
    /// Whether it chooses at all.
    pub(super) fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.job_type.is_none()
            && self.code.is_none()
            && self.since.is_none()
            && self.until.is_none()
            && self.schedule.is_none()
    }

    /// The same for the store, with times that are told from `now` on backwards.
    pub(super) fn at(&self, now: Timestamp) -> TaskFilter {
        let only_failed = self.code.map(|_| TaskState::Failed);
        TaskFilter {
            owner: Some(Owner::local()),
            state: self.status.or(only_failed),
            job_type: self.job_type.clone(),
            code: self.code,
            created_from: self.since.map(|since| since.at(now)),
            created_before: self.until.map(|until| until.at(now)),
            schedule: self.schedule.clone(),
            ..TaskFilter::default()
        }
    }
}

/// A time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    At(Timestamp),
    Ago(Duration),
}

impl When {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => {
                let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_ms(now.ms().saturating_sub(ms))
            }
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(span) = span(text) {
            return Ok(Self::Ago(span));
        }
        let midnight = |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC);
        let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let is_date = text.len() == "2026-03-01".len();
            let date = text.parse::<jiff::civil::Date>().ok().filter(|_| is_date)?;
            Some(midnight(date).ok()?.timestamp())
        });
        at.map(|at| Self::At(Timestamp::from_ms(at.as_millisecond()))).ok_or_else(|| {
            "give a span such as 30m, 2h or 7d, a date (2026-03-01, in UTC), or a time as RFC 3339 \
             (2026-03-01T12:00:00Z)"
                .into()
        })
    }
}

/// A number and a unit: `90s`, `30m`, `2h`, `7d`.
fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * seconds))
}

fn state_parser() -> impl TypedValueParser<Value = TaskState> {
    PossibleValuesParser::new(TaskState::ALL.map(TaskState::as_str))
        .try_map(|name| TaskState::from_name(&name).ok_or("no such state"))
}

fn code_parser() -> impl TypedValueParser<Value = Code> {
    PossibleValuesParser::new(Code::ALL.iter().map(|code| code.as_str()))
        .try_map(|name| Code::from_name(&name).ok_or("no such code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_span_a_date_or_rfc_3339() {
        let now = Timestamp::from_ms(1_772_323_200_000);
        let at = |text: &str| text.parse::<When>().map(|when| when.at(now).rfc3339());
        assert_eq!(at("90s").unwrap(), "2026-02-28T23:58:30.000Z");
        assert_eq!(at("7d").unwrap(), "2026-02-22T00:00:00.000Z");
        assert_eq!(at("2026-02-01").unwrap(), "2026-02-01T00:00:00.000Z");
        assert_eq!(at("2026-02-01T05:30:00+05:30").unwrap(), "2026-02-01T00:00:00.000Z");
        for wrong in ["", "h", "-2h", "2w", "yesterday", "2026-02-01T05:30:00", "99999999999d", "é"] {
            assert!(at(wrong).unwrap_err().contains("RFC 3339"), "{wrong}");
        }
    }
}
