//! A long history in one go, for benchmarks and tests.

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
    SELECT ?2 + number, randomblob(16), 'local', 'history', 0, ?3, 86400000, '{\"number\":' || number || '}'
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

/// For benchmarks and tests: adds `tasks` finished tasks of type `history` to the store at `path`, which is made when
/// it is not there. They look as if each had been submitted, run once and completed.
pub fn fill_history(path: impl AsRef<Path>, tasks: u32) -> Result<(), StoreError> {
    let options = StoreOptions { synchronous: Synchronous::Off, ..StoreOptions::default() };
    connection::be_patient(options.busy_timeout);
    let mut connection =
        connection::open_writer(path.as_ref(), &options).map_err(|error| store_error(&error))?;
    migrations::migrate(&mut connection)?;
    fill(&mut connection, tasks)?;
    Ok(())
}

fn fill(connection: &mut Connection, tasks: u32) -> Result<(), Fault> {
    /// 1 November 2025.
    const LONG_AGO: i64 = 1_761_955_200_000;

    // Random ids touch the whole of their index: let it be in memory.
    connection.execute_batch("PRAGMA cache_size = -262144")?;
    let transaction = connection.transaction()?;
    let last: i64 = transaction.query_row("SELECT coalesce(max(seq), 0) FROM tasks", [], |row| row.get(0))?;
    transaction.execute(FILL, (tasks, last, LONG_AGO))?;
    transaction.execute(FINISH, [last])?;
    transaction.execute(ATTEMPT, [last])?;
    transaction.commit()?;
    // Later writers should not find the whole history in the write-ahead log.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
