//! Opens cursors without end, reads a row of each, and keeps them.

use gallery::longshore::job::data;

const COUNT: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, zeroblob(100000) FROM n";

gallery::guest!("Opens cursors without end.", |_| {
    let mut kept = Vec::new();
    loop {
        let cursor = data::query("shop", COUNT, &[]);
        let cursor = cursor.map_err(|error| gallery::JobError::Failed(error.code))?;
        cursor.next(1).map_err(|error| gallery::JobError::Failed(error.code))?;
        kept.push(cursor);
    }
});
