//! Schedules in `longshore.toml`.

use std::collections::BTreeSet;

use longshore_domain::{JobTypeName, Overlap, TimeZones, Timestamp, Timetable, check_schedule_name};
use longshore_scheduler::ScheduleRequest;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// The time zones of the system, and the built-in ones where it has none.
pub fn time_zones() -> &'static TimeZones {
    jiff::tz::db()
}

/// An entry, as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    job_type: String,
    cron: String,
    #[serde(default = "utc")]
    time_zone: String,
    #[serde(default)]
    payload: toml::Table,
    #[serde(default)]
    overlap: Overlap,
    #[serde(default)]
    priority: i64,
}

fn utc() -> String {
    "UTC".into()
}

/// An entry that makes sense. Checked while parsing, so that the error knows its place in the file.
struct Schedule(ScheduleRequest);

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let name = written.name.clone();
        check(written).map(Self).map_err(|why| Error::custom(format!("schedule {name:?}: {why}")))
    }
}

/// The entries, each with a name of its own.
pub(super) fn schedules<'de, D>(deserializer: D) -> Result<Vec<ScheduleRequest>, D::Error>
where
    D: Deserializer<'de>,
{
    let entries = Vec::<Schedule>::deserialize(deserializer)?;
    let mut names = BTreeSet::new();
    if let Some(Schedule(twice)) = entries.iter().find(|Schedule(entry)| !names.insert(&entry.name)) {
        return Err(Error::custom(format!("there are two schedules {:?}: rename one", twice.name)));
    }
    Ok(entries.into_iter().map(|Schedule(entry)| entry).collect())
}

fn check(written: Written) -> Result<ScheduleRequest, String> {
    let Written { name, job_type, cron, time_zone, payload, overlap, priority } = written;
    check_schedule_name(&name)?;
    job_type.parse::<JobTypeName>().map_err(|why| why.to_string())?;
    Timetable::new(&cron, &time_zone, time_zones())
        .and_then(|timetable| timetable.next_after(Timestamp::default()))
        .map_err(|why| why.to_string())?;
    let in_bounds = i32::try_from(priority).ok().filter(|priority| (-100..=100).contains(priority));
    let priority = in_bounds.ok_or_else(|| format!("priority is {priority}: it must be from -100 to 100"))?;
    let payload = json(toml::Value::Table(payload))?;
    Ok(ScheduleRequest { name, job_type, payload, cron, time_zone, overlap, priority })
}

/// The same as JSON. A date or time becomes its text.
fn json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .ok_or_else(|| format!("its payload has {number}, which JSON does not know"))?
            .into(),
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Object(
            table.into_iter().map(|(key, value)| Ok((key, json(value)?))).collect::<Result<_, String>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(serde::Deserialize)]
    struct File {
        #[serde(deserialize_with = "schedules")]
        schedules: Vec<ScheduleRequest>,
    }

    fn read(text: &str) -> Result<Vec<ScheduleRequest>, String> {
        toml::from_str(text).map(|file: File| file.schedules).map_err(|error| error.message().to_owned())
    }

    const NIGHTLY: &str = "[[schedules]]\nname = 'nightly'\njob_type = 'export'\ncron = '30 2 * * *'\n";

    #[test]
    fn an_entry_has_defaults_and_its_payload_is_json() {
        let text = format!("{NIGHTLY}payload = {{ since = 2026-03-01, rows = [1, 2.5], all = true }}");
        let nightly = read(&text).unwrap().remove(0);
        assert_eq!((&*nightly.time_zone, nightly.overlap, nightly.priority), ("UTC", Overlap::Skip, 0));
        assert_eq!(nightly.payload, json!({"since": "2026-03-01", "rows": [1, 2.5], "all": true}));
        let text = format!("{NIGHTLY}time_zone = 'Asia/Kolkata'\noverlap = 'queue'\npriority = -5");
        let nightly = read(&text).unwrap().remove(0);
        assert_eq!(
            (&*nightly.time_zone, nightly.overlap, nightly.priority, nightly.payload),
            ("Asia/Kolkata", Overlap::Queue, -5, json!({}))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_name_of_the_entry() {
        for (line, part) in [
            ("cron = '0 25 * * *'", "its hour is \"25\""),
            ("cron = '0 0 31 2 *'", "never comes"),
            ("time_zone = 'Mars/Olympus'", "no time zone \"Mars/Olympus\""),
            ("job_type = 'Export'", "job type name"),
            ("priority = 101", "from -100 to 100"),
            ("payload = { x = nan }", "NaN"),
        ] {
            let setting = line.split(' ').next().unwrap();
            let rest =
                NIGHTLY.lines().filter(|line| !line.starts_with(setting)).collect::<Vec<_>>().join("\n");
            let refusal = read(&format!("{rest}\n{line}")).unwrap_err();
            assert!(refusal.contains("schedule \"nightly\": ") && refusal.contains(part), "{refusal}");
        }
        assert!(read(&format!("{NIGHTLY}{NIGHTLY}")).unwrap_err().contains("two schedules \"nightly\""));
        assert!(read(&format!("{NIGHTLY}every = 5")).unwrap_err().contains("unknown field `every`"));
    }
}
