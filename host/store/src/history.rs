//! A long history, or a long schedule, in one go, for benchmarks and tests.

use std::path::Path;

use longshore_domain::StoreError;
use rusqlite::Connection;

use crate::fault::{Fault, store_error};
use crate::{StoreOptions, Synchronous, connection, migrations};

/// Tasks of the local owner and type `history`, as a worker would have left them: completed by their first attempt.
const FILL: &str = "
    WITH RECURSIVE new (number) AS (
        SELECT 1 WHERE ?1 > 0 UNION ALL SELECT number + 1 FROM new WHERE number < ?1
    )
    INSERT INTO tasks (seq, id, owner, job_type, priority, created_at, ttl_ms, payload)
    SELECT ?2 + number, unhex(printf('%012x7%03x8%015x', ?3 + number, abs(random() % 4096), abs(random() % 1152921504606846976))), 'local', 'history', 0, ?3, 86400000, '{\"number\":' || number || '}'
    FROM new;";

const FINISH: &str = "
    INSERT INTO finished (seq, state, owner, job_type, attempts, first_started_at, finished_at, done, total, message,
        result, expires_at)
    SELECT seq, 'completed', owner, job_type, 1, created_at, created_at + 5, 1, 1, '', '{\"records_processed\":1}',
        created_at + 5 + ttl_ms
    FROM tasks WHERE seq > ?1";

const ATTEMPT: &str = "
    INSERT INTO attempts (seq, number, started_at, ended_at, outcome, fuel, memory_bytes, worker, component)
    SELECT seq, 1, created_at, created_at + 5, 'completed', 1000, 65536, 'worker-of-the-past',
        '0000000000000000000000000000000000000000000000000000000000000000'
    FROM tasks WHERE seq > ?1";

/// Half of them have a deadline, so that the index of deadlines is long too.
const SCHEDULE: &str = "
    INSERT INTO scheduled (seq, job_type, due_at, attempts, counted, deadline_at, since)
    SELECT seq, job_type, ?2 + seq, 0, 0, CASE WHEN seq % 2 = 0 THEN ?2 + 2 * seq END, created_at
    FROM tasks WHERE seq > ?1";

/// For benchmarks and tests: adds `tasks` finished tasks of type `history` to the store at `path`, which is made when
/// it is not there. They look as if each had been submitted, run once and completed.
pub fn fill_history(path: impl AsRef<Path>, tasks: u32) -> Result<(), StoreError> {
    fill(path.as_ref(), tasks, |transaction, last| {
        transaction.execute(FINISH, [last])?;
        transaction.execute(ATTEMPT, [last])?;
        Ok(())
    })
}

/// For benchmarks and tests: adds `tasks` tasks of type `history` that are due in the year 2100, as `fill_history` adds
/// finished ones.
pub fn fill_schedule(path: impl AsRef<Path>, tasks: u32) -> Result<(), StoreError> {
    /// 1 January 2100.
    const LONG_AHEAD: i64 = 4_102_444_800_000;

    fill(path.as_ref(), tasks, |transaction, last| {
        transaction.execute(SCHEDULE, (last, LONG_AHEAD))?;
        Ok(())
    })
}

/// Adds tasks, and lets `place` put all with a number above the given one where their state says.
fn fill(
    path: &Path,
    tasks: u32,
    place: impl Fn(&Connection, i64) -> Result<(), Fault>,
) -> Result<(), StoreError> {
    let options = StoreOptions { synchronous: Synchronous::Off, ..StoreOptions::default() };
    connection::be_patient(options.busy_timeout);
    let mut connection = connection::open_writer(path, &options).map_err(|error| store_error(&error))?;
    migrations::migrate(&mut connection)?;
    fill_in(&mut connection, tasks, place)?;
    Ok(())
}

fn fill_in(
    connection: &mut Connection,
    tasks: u32,
    place: impl Fn(&Connection, i64) -> Result<(), Fault>,
) -> Result<(), Fault> {
    /// 1 November 2025.
    const LONG_AGO: i64 = 1_761_955_200_000;

    // Random ids touch the whole of their index: let it be in memory.
    connection.execute_batch("PRAGMA cache_size = -262144")?;
    let transaction = connection.transaction()?;
    let last: i64 = transaction.query_row("SELECT coalesce(max(seq), 0) FROM tasks", [], |row| row.get(0))?;
    transaction.execute(FILL, (tasks, last, LONG_AGO))?;
    place(&transaction, last)?;
    transaction.commit()?;
    // Later writers should not find the whole history in the write-ahead log.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
