//! Job types that are paused: their tasks are taken, and none is started.

use longshore_domain::{JobTypeName, PausedTypes, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    SINCE = "SELECT since FROM paused WHERE job_type = ?1";

    /// A scan of a table that has a row for each paused job type.
    ALL = "SELECT job_type, since FROM paused ORDER BY job_type";

    PAUSE = "INSERT INTO paused (job_type, since) VALUES (?1, ?2) ON CONFLICT (job_type) DO NOTHING";

    RESUME = "DELETE FROM paused WHERE job_type = ?1";
}

/// Pauses a job type. False if it was paused before.
pub(crate) fn pause(c: &Connection, job_type: &JobTypeName, now: Timestamp) -> Result<bool, Fault> {
    Ok(c.prepare_cached(PAUSE)?.execute(params![job_type.as_str(), now.ms()])? > 0)
}

/// Resumes a job type. False if it was not paused.
pub(crate) fn resume(c: &Connection, job_type: &JobTypeName) -> Result<bool, Fault> {
    Ok(c.prepare_cached(RESUME)?.execute([job_type.as_str()])? > 0)
}

/// Since when a job type is paused; none if it is not.
pub(crate) fn since(c: &Connection, job_type: &JobTypeName) -> Result<Option<Timestamp>, Fault> {
    let since = c.prepare_cached(SINCE)?.query_row([job_type.as_str()], |row| columns::time(row, 0));
    Ok(since.optional()?)
}

/// Every paused job type.
pub(crate) fn all(c: &Connection) -> Result<PausedTypes, Fault> {
    let mut statement = c.prepare_cached(ALL)?;
    let all = statement.query_map([], |row| Ok((columns::job_type(row, 0)?, columns::time(row, 1)?)))?;
    Ok(all.collect::<rusqlite::Result<_>>()?)
}
