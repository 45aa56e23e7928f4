//! Extends leases, and finds attempts that are lost.

use longshore_domain::{AttemptRef, CLOCK_SLACK, LostAttempt, Renewal, RenewalAnswer, Timestamp, WorkerId};
use rusqlite::types::Null;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    RENEW = "
        UPDATE running SET lease_until = ?3 WHERE id = ?1 AND attempt = ?2 RETURNING cancel_requested";

    RENEW_AND_REPORT = "
        UPDATE running SET lease_until = ?3, done = ?4, total = ?5, message = ?6, updated_at = ?7
        WHERE id = ?1 AND attempt = ?2
        RETURNING cancel_requested";

    /// A scan of `running`, and a sort of what it finds: there are only as many rows as attempts may run at once, and
    /// an index on the lease would cost every claim, renewal and end.
    ///
    /// Those of one worker, or else those whose lease is over.
    LOST = "
        SELECT r.id, r.attempt, r.counted, r.job_type, r.worker, r.first_started_at, r.lease_until,
            r.cancel_requested, r.deadline_at, coalesce(c.done, 0), c.total, coalesce(c.message, ''),
            coalesce(c.saves, 0) > (
                SELECT coalesce(max(a.saves), 0) FROM attempts AS a
                WHERE a.seq = r.seq AND a.outcome = 'worker_lost'),
            (
                SELECT count(*) FROM attempts AS a
                WHERE a.seq = r.seq AND a.outcome = 'worker_lost' AND a.saves = coalesce(c.saves, 0)),
            r.started_at
        FROM running AS r
        LEFT JOIN checkpoints AS c ON c.seq = r.seq
        WHERE CASE WHEN ?1 IS NULL THEN r.lease_until <= ?2 OR r.updated_at > ?3 ELSE r.worker = ?1 END
        ORDER BY r.lease_until, r.seq
        LIMIT ?4";
}

/// Extends leases. The answers are in the order of the renewals.
pub(crate) fn renew(
    c: &Connection,
    renewals: &[Renewal],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Vec<RenewalAnswer>, Fault> {
    renewals.iter().map(|renewal| renew_one(c, renewal, now, lease_until)).collect()
}

fn renew_one(
    c: &Connection,
    renewal: &Renewal,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<RenewalAnswer, Fault> {
    let AttemptRef { task, number } = renewal.attempt;
    let cancel_requested = match &renewal.progress {
        None => c
            .prepare_cached(RENEW)?
            .query_row(params![task.as_bytes(), number, lease_until.ms()], |row| row.get(0)),
        Some(progress) => c.prepare_cached(RENEW_AND_REPORT)?.query_row(
            params![
                task.as_bytes(),
                number,
                lease_until.ms(),
                progress.done as i64,
                columns::total(progress),
                progress.message,
                now.ms(),
            ],
            |row| row.get(0),
        ),
    };
    Ok(match cancel_requested.optional()? {
        Some(cancel_requested) => RenewalAnswer::Held { cancel_requested },
        None => RenewalAnswer::Lost,
    })
}

/// Attempts whose lease expired by `now`, oldest first.
pub(crate) fn expired(c: &Connection, now: Timestamp, limit: u32) -> Result<Vec<LostAttempt>, Fault> {
    let mut statement = c.prepare_cached(LOST)?;
    let by_lease = params![Null, now.ms(), now.after(CLOCK_SLACK).ms(), limit];
    let lost = statement.query_map(by_lease, lost_attempt)?;
    Ok(lost.collect::<rusqlite::Result<_>>()?)
}

/// Attempts that a worker holds.
pub(crate) fn held_by(c: &Connection, worker: &WorkerId, limit: u32) -> Result<Vec<LostAttempt>, Fault> {
    let mut statement = c.prepare_cached(LOST)?;
    let lost = statement.query_map(params![worker.as_str(), Null, Null, limit], lost_attempt)?;
    Ok(lost.collect::<rusqlite::Result<_>>()?)
}

fn lost_attempt(row: &Row<'_>) -> rusqlite::Result<LostAttempt> {
    Ok(LostAttempt {
        attempt: AttemptRef { task: columns::task_id(row, 0)?, number: row.get(1)? },
        attempts_counted: row.get(2)?,
        job_type: columns::job_type(row, 3)?,
        worker: columns::worker(row, 4)?,
        started_at: columns::time(row, 14)?,
        first_started_at: columns::time(row, 5)?,
        lease_until: columns::time(row, 6)?,
        cancel_requested: row.get(7)?,
        deadline_at: columns::time_or_none(row, 8)?,
        progress: columns::progress(row, 9)?,
        has_saved: row.get(12)?,
        losses: row.get(13)?,
    })
}
