//! Turns values of the domain into columns and back.

use std::fmt::Display;
use std::str::FromStr;

use longshore_domain::{
    ComponentSha, JobTypeName, LogLevel, MessageState, Origin, Overlap, Owner, Progress, SavedArtifact,
    TaskId, TaskState, Timestamp, WorkerId,
};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use serde::Deserialize;

type Result<T> = rusqlite::Result<T>;

/// Why a column does not hold what it should.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreadable(String);

/// Says that column `index` does not hold what it should.
fn unreadable(index: usize, why: impl Display) -> rusqlite::Error {
    let why = FromSqlError::Other(Box::new(Unreadable(why.to_string())));
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(why))
}

pub(crate) fn task_id(row: &Row<'_>, index: usize) -> Result<TaskId> {
    Ok(TaskId::from_bytes(row.get(index)?))
}

pub(crate) fn task_id_or_none(row: &Row<'_>, index: usize) -> Result<Option<TaskId>> {
    Ok(row.get::<_, Option<[u8; 16]>>(index)?.map(TaskId::from_bytes))
}

pub(crate) fn time(row: &Row<'_>, index: usize) -> Result<Timestamp> {
    Ok(Timestamp::from_ms(row.get(index)?))
}

pub(crate) fn time_or_none(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp::from_ms))
}

fn text(row: &Row<'_>, index: usize) -> Result<String> {
    row.get(index)
}

pub(crate) fn owner(row: &Row<'_>, index: usize) -> Result<Owner> {
    Ok(Owner::new(text(row, index)?))
}

pub(crate) fn worker(row: &Row<'_>, index: usize) -> Result<WorkerId> {
    Ok(WorkerId::new(text(row, index)?))
}

pub(crate) fn component(row: &Row<'_>, index: usize) -> Result<ComponentSha> {
    Ok(ComponentSha::new(text(row, index)?))
}

pub(crate) fn job_type(row: &Row<'_>, index: usize) -> Result<JobTypeName> {
    let name = row.get_ref(index)?.as_str()?;
    JobTypeName::from_str(name).map_err(|error| unreadable(index, error))
}

pub(crate) fn state(row: &Row<'_>, index: usize) -> Result<TaskState> {
    let name = row.get_ref(index)?.as_str()?;
    TaskState::from_name(name).ok_or_else(|| unreadable(index, format!("{name:?} is no state of a task")))
}

pub(crate) fn log_level(row: &Row<'_>, index: usize) -> Result<LogLevel> {
    let name = row.get_ref(index)?.as_str()?;
    LogLevel::from_name(name).ok_or_else(|| unreadable(index, format!("{name:?} is no level of a log")))
}

pub(crate) fn overlap(row: &Row<'_>, index: usize) -> Result<Overlap> {
    named(row, index, Overlap::ALL, |overlap| overlap.as_str())
}

pub(crate) fn origin(row: &Row<'_>, index: usize) -> Result<Origin> {
    named(row, index, Origin::ALL, |origin| origin.as_str())
}

/// That of `all` which has the name in the column.
fn named<T: Copy>(row: &Row<'_>, index: usize, all: &[T], name: impl Fn(&T) -> &'static str) -> Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    all.iter()
        .copied()
        .find(|one| name(one) == text)
        .ok_or_else(|| unreadable(index, format!("{text:?} is unknown")))
}

/// A number of which all 64 bits are kept.
pub(crate) fn number(row: &Row<'_>, index: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(index)? as u64)
}

/// Progress from three columns: done, total, message.
pub(crate) fn progress(row: &Row<'_>, first: usize) -> Result<Progress> {
    Ok(Progress {
        done: number(row, first)?,
        total: row.get::<_, Option<i64>>(first + 1)?.map(|total| total as u64),
        message: row.get(first + 2)?,
    })
}

/// The total of a progress as a column.
pub(crate) fn total(progress: &Progress) -> Option<i64> {
    progress.total.map(|total| total as i64)
}

/// Artifacts from a column that holds a JSON array of `[name, media type, bytes, digest]`.
pub(crate) fn artifacts(row: &Row<'_>, index: usize) -> Result<Vec<SavedArtifact>> {
    #[derive(Deserialize)]
    struct Fields(String, String, u64, Option<String>);

    let Some(json) = row.get_ref(index)?.as_str_or_null()? else { return Ok(Vec::new()) };
    let fields: Vec<Fields> = serde_json::from_str(json).map_err(|error| unreadable(index, error))?;
    Ok(fields
        .into_iter()
        .map(|Fields(name, media_type, bytes, sha256)| SavedArtifact { name, media_type, bytes, sha256 })
        .collect())
}

pub(crate) fn message_state(row: &Row<'_>, index: usize) -> Result<MessageState> {
    let name = row.get_ref(index)?.as_str()?;
    [MessageState::Pending, MessageState::Delivered, MessageState::Dead]
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or_else(|| unreadable(index, format!("{name:?} is no state of a message")))
}
