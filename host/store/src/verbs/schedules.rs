//! Keeps schedules: adds, lists and deletes them, and brings those of the configuration file up to date.

use std::collections::BTreeSet;

use longshore_domain::{
    AddScheduleAnswer, DeleteScheduleAnswer, Fired, LastTime, NewSchedule, Origin, Owner, Refusal, Schedule,
    SyncedSchedules, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

macro_rules! schedule_columns {
    () => {
        schedule_columns!("payload")
    };
    ($payload:literal) => {
        concat!(
            "number, revision, owner, name, origin, job_type, ",
            $payload,
            ", cron, time_zone, overlap, priority, created_at,
            next_at, last_at, last_outcome, last_task, refusal_code, refusal_message"
        )
    };
}
pub(super) use schedule_columns;

statements! {
    BY_NAME = concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE owner = ?1 AND name = ?2");

    /// Payloads may be large, and there may be many.
    OF_OWNER = concat!("SELECT ", schedule_columns!("''"), " FROM schedules WHERE owner = ?1 ORDER BY name");

    OF_EVERYBODY = concat!(
        "SELECT ", schedule_columns!("''"), " FROM schedules INDEXED BY schedules_name ORDER BY owner, name"
    );

    COUNT = "SELECT count(*) FROM schedules WHERE owner = ?1";

    INSERT = "
        INSERT INTO schedules (owner, name, origin, job_type, payload, cron, time_zone, overlap, priority, created_at,
            next_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

    /// What came of it stays: its last task may still run.
    CHANGE = "
        UPDATE schedules SET revision = revision + 1, origin = ?3, job_type = ?4, payload = ?5, cron = ?6,
            time_zone = ?7, overlap = ?8, priority = ?9, next_at = ?10
        WHERE owner = ?1 AND name = ?2";

    RESCHEDULE = "
        UPDATE schedules SET revision = revision + 1, next_at = ?3 WHERE number = ?1 AND revision = ?2";

    DELETE = "DELETE FROM schedules WHERE owner = ?1 AND name = ?2";
}

pub(crate) fn add(c: &Connection, new: &NewSchedule, max: u32) -> Result<AddScheduleAnswer, Fault> {
    if let Some(known) = get(c, &new.owner, &new.name)? {
        return Ok(AddScheduleAnswer::Exists(known));
    }
    let count: u32 = c.prepare_cached(COUNT)?.query_row([new.owner.as_str()], |row| row.get(0))?;
    if count >= max {
        return Ok(AddScheduleAnswer::TooMany);
    }
    insert(c, new)?;
    get(c, &new.owner, &new.name)?
        .map(AddScheduleAnswer::Added)
        .ok_or_else(|| Fault::Contradiction("a new schedule cannot be read".into()))
}

/// Makes a schedule due at another time, if it is as it was read.
pub(crate) fn reschedule(
    c: &Connection,
    number: u64,
    revision: u64,
    next_at: Timestamp,
) -> Result<bool, Fault> {
    let changed =
        c.prepare_cached(RESCHEDULE)?.execute(params![number as i64, revision as i64, next_at.ms()])?;
    Ok(changed == 1)
}

/// The schedule of that name.
pub(crate) fn get(c: &Connection, owner: &Owner, name: &str) -> Result<Option<Schedule>, Fault> {
    Ok(c.prepare_cached(BY_NAME)?.query_row([owner.as_str(), name], schedule).optional()?)
}

/// The schedules of an owner, of everybody when none, without their payloads.
pub(crate) fn list(c: &Connection, owner: Option<&Owner>) -> Result<Vec<Schedule>, Fault> {
    let (sql, owner) = match owner {
        Some(owner) => (OF_OWNER, vec![owner.as_str()]),
        None => (OF_EVERYBODY, Vec::new()),
    };
    let mut statement = c.prepare_cached(sql)?;
    let schedules = statement.query_map(rusqlite::params_from_iter(owner), schedule)?;
    Ok(schedules.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn delete(c: &Connection, owner: &Owner, name: &str) -> Result<DeleteScheduleAnswer, Fault> {
    match get(c, owner, name)?.map(|known| known.asked.origin) {
        None => Ok(DeleteScheduleAnswer::NotFound),
        Some(Origin::Config) => Ok(DeleteScheduleAnswer::OfConfig),
        Some(Origin::Agent) => {
            remove(c, owner, name)?;
            Ok(DeleteScheduleAnswer::Deleted)
        }
    }
}

/// Makes the schedules of the configuration file those that are declared.
pub(crate) fn sync(
    c: &Connection,
    owner: &Owner,
    declared: &[NewSchedule],
) -> Result<SyncedSchedules, Fault> {
    let mut synced = SyncedSchedules::default();
    for new in declared {
        match get(c, owner, &new.name)? {
            None => {
                insert(c, new)?;
                synced.added.push(new.name.clone());
            }
            Some(known) if known.asked.asks_the_same(new) => {}
            Some(known) => {
                change(c, new, &known)?;
                synced.changed.push(new.name.clone());
            }
        }
    }
    let names: BTreeSet<&str> = declared.iter().map(|new| new.name.as_str()).collect();
    for known in list(c, Some(owner))? {
        if known.asked.origin == Origin::Config && !names.contains(known.asked.name.as_str()) {
            remove(c, owner, &known.asked.name)?;
            synced.removed.push(known.asked.name);
        }
    }
    Ok(synced)
}

fn insert(c: &Connection, new: &NewSchedule) -> Result<(), Fault> {
    c.prepare_cached(INSERT)?.execute(params![
        new.owner.as_str(),
        new.name,
        new.origin.as_str(),
        new.job_type.as_str(),
        new.payload,
        new.cron,
        new.time_zone,
        new.overlap.as_str(),
        new.priority,
        new.created_at.ms(),
        new.next_at.ms(),
    ])?;
    Ok(())
}

fn change(c: &Connection, new: &NewSchedule, known: &Schedule) -> Result<(), Fault> {
    // A time that was missed still comes.
    let goes_on = known.asked.comes_at_the_same_times(new);
    let next_at = if goes_on { known.asked.next_at } else { new.next_at };
    let changed = c.prepare_cached(CHANGE)?.execute(params![
        new.owner.as_str(),
        new.name,
        new.origin.as_str(),
        new.job_type.as_str(),
        new.payload,
        new.cron,
        new.time_zone,
        new.overlap.as_str(),
        new.priority,
        next_at.ms(),
    ])?;
    exactly_one(changed, "changing a schedule")
}

fn remove(c: &Connection, owner: &Owner, name: &str) -> Result<(), Fault> {
    exactly_one(c.prepare_cached(DELETE)?.execute([owner.as_str(), name])?, "deleting a schedule")
}

/// A schedule from `schedule_columns`.
pub(super) fn schedule(row: &Row<'_>) -> rusqlite::Result<Schedule> {
    Ok(Schedule {
        number: columns::number(row, 0)?,
        revision: columns::number(row, 1)?,
        asked: NewSchedule {
            owner: columns::owner(row, 2)?,
            name: row.get(3)?,
            origin: columns::origin(row, 4)?,
            job_type: columns::job_type(row, 5)?,
            payload: row.get(6)?,
            cron: row.get(7)?,
            time_zone: row.get(8)?,
            overlap: columns::overlap(row, 9)?,
            priority: row.get(10)?,
            created_at: columns::time(row, 11)?,
            next_at: columns::time(row, 12)?,
        },
        last: last(row)?,
        last_task: columns::task_id_or_none(row, 15)?,
    })
}

/// What came of it, from the columns `last_at` to `refusal_message`.
fn last(row: &Row<'_>) -> rusqlite::Result<Option<LastTime>> {
    let Some(at) = columns::time_or_none(row, 13)? else { return Ok(None) };
    let outcome = match row.get_ref(14)?.as_str()? {
        "started" => Fired::Started(columns::task_id(row, 15)?),
        "refused" => Fired::Refused(Refusal { code: row.get(16)?, message: row.get(17)? }),
        _ => Fired::Skipped,
    };
    Ok(Some(LastTime { at, outcome }))
}
