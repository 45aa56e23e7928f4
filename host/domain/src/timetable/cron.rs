//! Reads cron, and finds what it names on a calendar without any time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;

use super::TimetableError;

/// Longest cron text, in bytes.
const BYTES_MAX: usize = 200;
/// Names that stand for a cron text.
pub(super) const NICKNAMES: [&str; 6] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS_OF_WEEK: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "L"];

/// The fields from the first to the last, and the words that each may have.
const FIELDS: [(&str, &[&str]); 6] = [
    ("second", &[]),
    ("minute", &[]),
    ("hour", &[]),
    ("day of month", &["L", "W", "LW"]),
    ("month", MONTHS),
    ("day of week", DAYS_OF_WEEK),
];

/// Cron that was read.
#[derive(Clone, Debug)]
pub(super) struct CronText {
    text: String,
    cron: Cron,
    names_times_of_day: bool,
}

impl CronText {
    /// Reads five or six fields, or one of the names.
    pub(super) fn parse(text: &str) -> Result<Self, TimetableError> {
        let invalid = |why| TimetableError::InvalidCron { cron: shortened(text), why };
        check(text).map_err(invalid)?;
        let cron = parser(text).map_err(invalid)?;
        let minute_and_hour = text.split_whitespace().rev().skip(3).take(2);
        let names_times_of_day = !text.eq_ignore_ascii_case("@hourly")
            && minute_and_hour.into_iter().all(|field| !field.contains('*'));
        Ok(Self { text: text.into(), cron, names_times_of_day })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it names times of day rather than intervals: neither its minute nor its hour has a `*`.
    pub(super) fn names_times_of_day(&self) -> bool {
        self.names_times_of_day
    }

    /// The first time after this one that it names.
    pub(super) fn first_after(&self, shown: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&shown, false).ok()
    }

    /// The first time from this one on that it names.
    pub(super) fn first_from(&self, shown: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&shown, true).ok()
    }
}

/// Says what the parser would take and not mean: it replaces names wherever they stand, so that a day of the week is a
/// number in the place of the month, and it takes a list of nothing, in which it searches for minutes.
fn check(text: &str) -> Result<(), String> {
    if text.len() > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let text = text.trim();
    if text.starts_with('@') {
        return if NICKNAMES.iter().any(|name| text.eq_ignore_ascii_case(name)) {
            Ok(())
        } else {
            Err("there is no such name".into())
        };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !(5..=6).contains(&fields.len()) {
        return Err(format!("it has {} fields", fields.len()));
    }
    let kinds = &FIELDS[FIELDS.len() - fields.len()..];
    for (place, (field, (kind, words))) in fields.iter().zip(kinds).enumerate() {
        let mut alone = ["*"; 6];
        alone[FIELDS.len() - fields.len() + place] = *field;
        has_meaning(field, words)
            .and_then(|()| parser(&alone.join(" ")).map(|_| ()))
            .map_err(|why| format!("its {kind} is {field:?}: {why}"))?;
    }
    Ok(())
}

fn has_meaning(field: &str, words: &[&str]) -> Result<(), String> {
    if field.trim_start_matches('+').split(',').any(str::is_empty) {
        return Err("an item of the list is empty".into());
    }
    let unknown = field
        .split(|letter: char| !letter.is_alphabetic())
        .find(|word| !word.is_empty() && !words.contains(&word.to_uppercase().as_str()));
    match unknown {
        Some(word) if words.is_empty() => Err(format!("it has numbers only, not {word:?}")),
        Some(word) => Err(format!("{word:?} is none of {}", words.join(", "))),
        None => Ok(()),
    }
}

fn parser(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| {
        let why = error.to_string();
        let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why).trim_end_matches('.');
        why.chars().take(1).flat_map(char::to_lowercase).chain(why.chars().skip(1)).collect()
    })
}

/// As much of a text as is told again.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
