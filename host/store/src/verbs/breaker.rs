//! The circuit breakers of job types, over all workers.

use longshore_domain::{
    BreakerPolicy, BreakerState, FailureWindow, Gate, JobTypeClaim, JobTypeName, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    STATE = "SELECT window_started_at, attempts, failures, open_until FROM breakers WHERE job_type = ?1";

    SET = "
        INSERT INTO breakers (job_type, window_started_at, attempts, failures, open_until) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (job_type) DO UPDATE SET window_started_at = excluded.window_started_at,
            attempts = excluded.attempts, failures = excluded.failures, open_until = excluded.open_until";
}

/// What the breaker of a job type remembers.
pub(crate) fn state(c: &Connection, job_type: &JobTypeName) -> Result<BreakerState, Fault> {
    let state = c
        .prepare_cached(STATE)?
        .query_row([job_type.as_str()], |row| {
            Ok(BreakerState {
                window: FailureWindow {
                    started_at: columns::time(row, 0)?,
                    attempts: row.get(1)?,
                    failures: row.get(2)?,
                },
                open_until: columns::time_or_none(row, 3)?,
            })
        })
        .optional()?;
    Ok(state.unwrap_or_default())
}

/// Counts the end of an attempt, and says what the breaker remembers now.
pub(crate) fn note(
    c: &Connection,
    job_type: &JobTypeName,
    policy: &BreakerPolicy,
    failed: bool,
    now: Timestamp,
) -> Result<BreakerState, Fault> {
    let next = policy.after(state(c, job_type)?, failed, now);
    c.prepare_cached(SET)?.execute(params![
        job_type.as_str(),
        next.window.started_at.ms(),
        next.window.attempts,
        next.window.failures,
        next.open_until.map(Timestamp::ms),
    ])?;
    Ok(next)
}

/// How many attempts of a job type may start, `running` of which run.
pub(crate) fn room(
    c: &Connection,
    job_type: &JobTypeClaim,
    now: Timestamp,
    running: impl FnOnce() -> Result<u32, Fault>,
) -> Result<u32, Fault> {
    if !job_type.has_breaker {
        return Ok(u32::MAX);
    }
    Ok(match state(c, &job_type.name)?.gate(now) {
        Gate::Closed => u32::MAX,
        Gate::HalfOpen => 1_u32.saturating_sub(running()?),
        Gate::Open(_) => 0,
    })
}
