//! Finds schedules that are due, and sees to each of them once.

use longshore_domain::{Fire, FireAnswer, Fired, JobTypeName, Overlap, Refusal, Schedule, TaskId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::schedules::{schedule, schedule_columns};
use super::{places, submit};
use crate::columns;
use crate::fault::{Fault, exactly_one};
use crate::statements::statements;

statements! {
    DUE = concat!(
        "SELECT ", schedule_columns!(), " FROM schedules INDEXED BY schedules_due
        WHERE job_type = ?1 AND next_at <= ?2
        ORDER BY next_at, number
        LIMIT ?3"
    );

    AS_READ = "SELECT name, overlap, last_task FROM schedules WHERE number = ?1 AND revision = ?2";

    /// The last task stays known when there is no new one: it may go on.
    NOTE = "
        UPDATE schedules SET revision = revision + 1, next_at = ?2, last_at = ?3, last_outcome = ?4,
            last_task = coalesce(?5, last_task), refusal_code = ?6, refusal_message = ?7
        WHERE number = ?1";
}

/// Schedules of these job types that are due, `limit` of each at most.
pub(crate) fn due(
    c: &Connection,
    job_types: &[JobTypeName],
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Schedule>, Fault> {
    let mut statement = c.prepare_cached(DUE)?;
    let mut due = Vec::new();
    for job_type in job_types {
        for found in statement.query_map(params![job_type.as_str(), now.ms(), limit], schedule)? {
            due.push(found?);
        }
    }
    due.sort_by_key(|found| found.asked.next_at);
    Ok(due)
}

pub(crate) fn fire(c: &Connection, fire: &Fire) -> Result<FireAnswer, Fault> {
    let as_read = c
        .prepare_cached(AS_READ)?
        .query_row(params![fire.number as i64, fire.revision as i64], |row| {
            let name: String = row.get(0)?;
            Ok((name, columns::overlap(row, 1)?, columns::task_id_or_none(row, 2)?))
        })
        .optional()?;
    let Some((name, overlap, last_task)) = as_read else { return Ok(FireAnswer::Stale) };
    let fired = match &fire.task {
        _ if overlap == Overlap::Skip && goes_on(c, last_task)? => Fired::Skipped,
        Err(refusal) => Fired::Refused(refusal.clone()),
        Ok(task) => {
            submit::insert(c, task, Some(&name))?;
            Fired::Started(task.id)
        }
    };
    note(c, fire, &fired)?;
    Ok(FireAnswer::Noted(fired))
}

/// Whether there is such a task and it has not ended.
fn goes_on(c: &Connection, task: Option<TaskId>) -> Result<bool, Fault> {
    let Some(task) = task else { return Ok(false) };
    Ok(places::locate(c, None, task)?.is_some_and(|place| !place.state.is_terminal()))
}

fn note(c: &Connection, fire: &Fire, fired: &Fired) -> Result<(), Fault> {
    let (task, refusal) = match fired {
        Fired::Started(task) => (Some(task), None),
        Fired::Skipped => (None, None),
        Fired::Refused(Refusal { code, message }) => (None, Some((code, message))),
    };
    let noted = c.prepare_cached(NOTE)?.execute(params![
        fire.number as i64,
        fire.next_at.ms(),
        fire.at.ms(),
        fired.as_str(),
        task.map(TaskId::as_bytes),
        refusal.map(|(code, _)| code),
        refusal.map(|(_, message)| message),
    ])?;
    exactly_one(noted, "noting what came of a schedule")
}
