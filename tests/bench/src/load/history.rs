//! Finished tasks by SQL: running 200,000 of them first would take longer than the measurement.

use std::path::Path;

use longshore_bench::Result;
use rusqlite::{Connection, params};

/// Copies the store's newest completed task `count` times, with its end and its attempts: what it is beside is what
/// a server would have left there. Nothing may serve the store meanwhile.
pub(crate) fn fill_history(database: &Path, count: usize) -> Result<()> {
    let mut connection = Connection::open(database)?;
    // A crash now would only cost this temporary store.
    connection.pragma_update(None, "synchronous", "OFF")?;
    let tx = connection.transaction()?;
    let template: i64 =
        tx.query_row("SELECT max(seq) FROM finished WHERE state = 'completed'", [], |row| row.get(0))?;
    let newest: i64 = tx.query_row("SELECT max(seq) FROM tasks", [], |row| row.get(0))?;
    // Parents first.
    for table in ["tasks", "finished", "attempts", "task_log"] {
        let columns = columns(&tx, table)?;
        // A copy differs in its order of submission and its id; all else is the template's.
        let values: Vec<&str> = columns
            .iter()
            .map(|column| match column.as_str() {
                "seq" => "n",
                "id" => "randomblob(16)",
                other => other,
            })
            .collect();
        let sql = format!(
            "WITH RECURSIVE copies (n) AS (SELECT ?2 + 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?2 + ?3)
             INSERT INTO {table} ({}) SELECT {} FROM copies CROSS JOIN {table} WHERE seq = ?1",
            columns.join(", "),
            values.join(", ")
        );
        tx.execute(&sql, params![template, newest, count as i64])?;
    }
    tx.commit()?;
    let finished: i64 = connection.query_row("SELECT count(*) FROM finished", [], |row| row.get(0))?;
    if finished < count as i64 {
        return Err(format!("the history has {finished} tasks, not {count}").into());
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(names)
}
