//! Grants of tables and columns that are not there.
//!
//! A slip of the pen in `[grants.tables.SOURCE]` would only be found out by a job that ends with `permission_denied`. But
//! unlike the names in `longshore.toml`, what a source has may be away for a moment: while it is copied, restored or built
//! anew. So it is a warning, and the plugin is served; and nothing is said of a source that cannot be read now.

use std::sync::Arc;
use std::time::Duration;

use longshore_domain::Grants;

use crate::data::{Source, Sources};
use crate::registry::refusal::blocking;

/// How long the sources are looked at. One that takes longer, as on a network that is down, holds up no plugin.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Names of what is there that are repeated.
const SHOWN_MAX: usize = 10;

/// Which tables and columns are granted that their sources do not have, for people. `None` if all are there, or nobody
/// can tell.
pub(super) async fn unmatched(sources: &Sources, grants: &Grants) -> Option<String> {
    let narrowed: Vec<(String, Arc<Source>)> = grants
        .tables
        .keys()
        .filter_map(|name| Some((name.clone(), Arc::clone(sources.get(name)?))))
        .collect();
    if narrowed.is_empty() {
        return None;
    }
    let grants = grants.clone();
    let look = blocking(move || {
        let found: Vec<String> =
            narrowed.iter().flat_map(|(name, source)| of_source(name, source, &grants)).collect();
        (!found.is_empty()).then(|| format!("{}; what else is granted holds", found.join("; ")))
    });
    tokio::time::timeout(LOOK_MAX, look).await.ok()?.ok()?
}

fn of_source(name: &str, source: &Source, grants: &Grants) -> Vec<String> {
    let Some(tables) = grants.tables.get(name) else { return Vec::new() };
    let look = source.connect().and_then(|connection| {
        let mut found = Vec::new();
        for (table, columns) in tables.granted() {
            let there = names(&connection, "SELECT name FROM pragma_table_xinfo(?1)", &[table])?;
            if there.is_empty() {
                let tables = names(
                    &connection,
                    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' \
                     ORDER BY name",
                    &[],
                )?;
                found.push(format!(
                    "[grants.tables.{name}] names the table {table:?}, which the source does not have; there is: {}",
                    shown(&tables)
                ));
                continue;
            }
            for column in columns.unwrap_or_default() {
                // By which SQLite calls the number of a row that no column has.
                let is_there = column.eq_ignore_ascii_case("rowid")
                    || there.iter().any(|name| name.eq_ignore_ascii_case(column));
                if !is_there {
                    found.push(format!(
                        "[grants.tables.{name}] names the column {column:?} of {table:?}, which the table does not have; \
                         there is: {}",
                        shown(&there)
                    ));
                }
            }
        }
        Ok(found)
    });
    look.unwrap_or_else(|error| {
        tracing::debug!("grants of the source {name} were not compared with it: {error}");
        Vec::new()
    })
}

fn names(connection: &rusqlite::Connection, sql: &str, of: &[&str]) -> Result<Vec<String>, String> {
    let read = || {
        let mut statement = connection.prepare(sql)?;
        let names = statement.query_map(rusqlite::params_from_iter(of), |row| row.get(0))?;
        names.collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| error.to_string())
}

/// The names, and that there are more where there are many.
fn shown(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN_MAX);
    let first = names[..names.len() - more].join(", ");
    match (names.len(), more) {
        (0, _) => "none".into(),
        (_, 0) => first,
        (_, more) => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn grants(tables: &str) -> Grants {
        let tables = [("shop".to_owned(), serde_json::from_str(tables).unwrap())].into();
        Grants { data: vec!["shop".into()], tables, ..Grants::default() }
    }

    fn sources(path: &Path) -> Sources {
        Sources::new(BTreeMap::from([("shop".to_owned(), path.to_owned())]))
    }

    fn shop(folder: &Path) -> Sources {
        let path = folder.join("shop.db");
        let schema = "CREATE TABLE orders (id INTEGER PRIMARY KEY, city TEXT);
            CREATE VIEW big AS SELECT id AS number FROM orders;
            CREATE TABLE \"odd \"\"name\"\"\" (a);";
        crate::data::limit_memory_of_queries();
        rusqlite::Connection::open(&path).unwrap().execute_batch(schema).unwrap();
        sources(&path)
    }

    #[tokio::test]
    async fn what_is_there_is_granted_in_silence() {
        let folder = tempfile::tempdir().unwrap();
        let sources = shop(folder.path());
        for tables in [
            r#"{"ORDERS": "*"}"#,
            r#"{"orders": ["ID", "City", "rowid"], "big": ["number"]}"#,
            r#"{"odd \"name\"": ["a"], "sqlite_schema": ["name", "sql"]}"#,
            r#"{"json_each": "*", "pragma_table_list": "*"}"#,
            "{}",
        ] {
            assert_eq!(unmatched(&sources, &grants(tables)).await, None, "{tables}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_named_with_what_is() {
        let folder = tempfile::tempdir().unwrap();
        let sources = shop(folder.path());
        let told = unmatched(&sources, &grants(r#"{"ordrs": "*", "orders": ["id", "town"]}"#)).await.unwrap();
        assert_eq!(
            told,
            "[grants.tables.shop] names the column \"town\" of \"orders\", which the table does not have; there is: id, city; \
             [grants.tables.shop] names the table \"ordrs\", which the source does not have; there is: big, odd \"name\", \
             orders; what else is granted holds"
        );
    }

    #[tokio::test]
    async fn nothing_is_said_of_a_source_that_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let grants = grants(r#"{"ordrs": "*"}"#);
        crate::data::limit_memory_of_queries();
        assert_eq!(unmatched(&sources(&folder.path().join("shop.db")), &grants).await, None);
        let garbage = folder.path().join("garbage.db");
        std::fs::write(&garbage, "no database".repeat(1_000)).unwrap();
        assert_eq!(unmatched(&sources(&garbage), &grants).await, None);
    }

    #[test]
    fn of_many_names_the_first_are_shown() {
        let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(shown(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!((shown(&names[..10]), shown(&[])), ("0, 1, 2, 3, 4, 5, 6, 7, 8, 9".into(), "none".into()));
    }
}
