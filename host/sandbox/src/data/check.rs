//! Looks at a source as a job would.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::hooks::AuthContext;

use crate::data::access::Access;
use crate::data::open::{self, LogIndex};
use crate::data::trouble;
use crate::data::virtual_tables::VirtualTables;

/// Tables and views that are looked at.
const TABLES_MAX: u32 = 1_000;

/// Opens the source at `path` as a job's query would, and reads the beginning of each table; `Err` says why it cannot be opened. The
/// tables and views that cannot be read are listed with the reason. With `deep` the whole file is checked.
pub fn check_source(path: &Path, deep: bool) -> Result<Vec<(String, String)>, String> {
    let mut connection = open::open(path, LogIndex::Shared)?;
    let explain = |error: rusqlite::Error| trouble::explain(&error, path, None);
    let mut troubles = Vec::new();
    if deep {
        let found: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(explain)?;
        if found != "ok" {
            return Err(format!(
                "the database is damaged ({found}): restore it from a backup, or try `sqlite3 FILE .recover`"
            ));
        }
    }
    let tables = tables(&connection).map_err(explain)?;
    let access = Access::default().with(VirtualTables::of(&connection).map_err(explain)?);
    let asked = access.clone();
    connection
        .authorizer(Some(move |context: AuthContext<'_>| asked.authorize(&context)))
        .map_err(explain)?;
    for (name, is_view) in tables {
        let quoted = name.replace('"', "\"\"");
        // What a view would compute may take long; that it can be computed shows when it is prepared.
        let rows = u8::from(!is_view);
        let sql = format!("SELECT * FROM \"{quoted}\" LIMIT {rows}");
        let read =
            connection.prepare(&sql).and_then(|mut statement| statement.query([])?.next().map(|_row| ()));
        if let Err(error) = read {
            troubles.push((name, explain(error)));
        }
    }
    Ok(troubles)
}

/// Names of tables and views, and which of them are views.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, bool)>> {
    let sql = "SELECT name, type = 'view' FROM sqlite_schema
               WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT ?";
    let mut statement = connection.prepare(sql)?;
    statement.query_map([TABLES_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
