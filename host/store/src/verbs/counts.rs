//! How many tasks are live.

use longshore_domain::{JobTypeCounts, LiveCounts};
use rusqlite::Connection;

use crate::columns;
use crate::fault::Fault;
use crate::readers::snapshot;
use crate::statements::statements;

// Each scans a hot table whole: it holds live tasks only.
statements! {
    QUEUED = "SELECT job_type, count(*) FROM ready GROUP BY job_type";

    RUNNING = "SELECT job_type, count(*) FROM running GROUP BY job_type";

    SCHEDULED = "SELECT job_type, count(*) FROM scheduled GROUP BY job_type";
}

/// Counts of live tasks by job type.
pub(crate) fn live(c: &Connection) -> Result<LiveCounts, Fault> {
    snapshot(c, |c| {
        let mut counts = LiveCounts::new();
        count(c, QUEUED, &mut counts, |of_type, count| of_type.queued = count)?;
        count(c, RUNNING, &mut counts, |of_type, count| of_type.running = count)?;
        count(c, SCHEDULED, &mut counts, |of_type, count| of_type.scheduled = count)?;
        Ok(counts)
    })
}

fn count(
    c: &Connection,
    sql: &str,
    counts: &mut LiveCounts,
    set: impl Fn(&mut JobTypeCounts, u64),
) -> Result<(), Fault> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        set(counts.entry(columns::job_type(row, 0)?).or_default(), columns::number(row, 1)?);
    }
    Ok(())
}
