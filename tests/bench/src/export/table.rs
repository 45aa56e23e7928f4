//! The table that is exported: what a shop's order lines look like, the same each time.

use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, params};

const CITIES: [&str; 6] = ["Delhi", "Mumbai", "Bengaluru", "Chennai", "कोलकाता", "Kochi"];

/// Adds a table of `rows` rows to the database.
pub(crate) fn write(path: &Path, table: &str, rows: i64) -> Result<()> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction()?;
    transaction.execute(
        &format!(
            "CREATE TABLE {table} (
                id INTEGER PRIMARY KEY, ordered_at TEXT NOT NULL, customer TEXT NOT NULL, city TEXT NOT NULL,
                sku TEXT NOT NULL, quantity INTEGER NOT NULL, price REAL NOT NULL, note TEXT
            )"
        ),
        [],
    )?;
    {
        let mut insert =
            transaction.prepare(&format!("INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)"))?;
        for id in 0..rows {
            let note = (id % 7 == 0).then(|| format!("handle with care, \"fragile\" no. {id}"));
            insert.execute(params![
                id + 1,
                format!("2026-{:02}-{:02}T{:02}:{:02}:00+05:30", id % 12 + 1, id % 28 + 1, id % 24, id % 60),
                format!("Customer {}", id * 7_919 % 100_003),
                CITIES[(id % 6) as usize],
                format!("SKU-{:06}", id * 104_729 % 1_000_003),
                id % 9 + 1,
                (id * 31 % 100_000) as f64 / 100.0,
                note,
            ])?;
        }
    }
    transaction.commit()?;
    Ok(())
}
