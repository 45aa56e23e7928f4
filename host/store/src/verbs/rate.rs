//! How much of their rate limits job types have used, over all workers.

use longshore_domain::{JobTypeClaim, RateLimit, Spent, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::fault::Fault;
use crate::statements::statements;

statements! {
    SPENT = "SELECT spent_until FROM rates WHERE job_type = ?1";

    SPEND = "
        INSERT INTO rates (job_type, spent_until) VALUES (?1, ?2)
        ON CONFLICT (job_type) DO UPDATE SET spent_until = excluded.spent_until";

    WAITS = "SELECT 1 FROM ready WHERE job_type = ?1 LIMIT 1";
}

/// How many attempts of the job type may start now.
pub(crate) fn room(c: &Connection, job_type: &JobTypeClaim, now: Timestamp) -> Result<u32, Fault> {
    let Some(rate) = job_type.rate else { return Ok(u32::MAX) };
    Ok(rate.allows(spent(c, job_type)?, now))
}

/// Notes that attempts of the job type start now.
pub(crate) fn spend(
    c: &Connection,
    job_type: &JobTypeClaim,
    now: Timestamp,
    starts: u32,
) -> Result<(), Fault> {
    let Some(rate) = job_type.rate.filter(|_| starts > 0) else { return Ok(()) };
    let spent = rate.spend(spent(c, job_type)?, now, starts);
    c.prepare_cached(SPEND)?.execute(params![job_type.name.as_str(), spent.until_us])?;
    Ok(())
}

/// When the first of the tasks that only wait for their job type's rate limit may start.
pub(crate) fn next_start(
    c: &Connection,
    job_types: &[JobTypeClaim],
    now: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    let mut first: Option<Timestamp> = None;
    for (job_type, rate) in limited(job_types) {
        if c.prepare_cached(WAITS)?.exists([job_type.name.as_str()])? {
            let at = rate.next_start(spent(c, job_type)?, now);
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    Ok(first)
}

fn limited(job_types: &[JobTypeClaim]) -> impl Iterator<Item = (&JobTypeClaim, RateLimit)> {
    job_types.iter().filter_map(|job_type| Some((job_type, job_type.rate?)))
}

fn spent(c: &Connection, job_type: &JobTypeClaim) -> Result<Spent, Fault> {
    let until_us =
        c.prepare_cached(SPENT)?.query_row([job_type.name.as_str()], |row| row.get(0)).optional()?;
    Ok(Spent { until_us: until_us.unwrap_or(0) })
}
