//! Whether the file is a database of ours, whole, and of this version.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use crate::fault::Fault;
use crate::migrations::{self, Standing};

/// What an operator does about a damaged database.
pub(super) const RESTORE: &str = "Stop all Longshore processes, copy the folder as it is, and put a backup in place of \
                                  the database; without one, `sqlite3 DATABASE .recover` saves what can be read.";

/// Damages of the file that are told.
const DAMAGES_MAX: u32 = 20;

/// Checks the file and says whether its rows can be checked too.
pub(super) fn examine(c: &Connection, subject: &str, deep: bool, notes: &mut Notes<'_>) -> bool {
    let mut is_current = false;
    notes.check("identity", |notes| {
        let standing = migrations::standing(c)?;
        is_current = standing == Standing::Current;
        if let Some(finding) = about(standing, subject) {
            notes.add(finding);
        }
        Ok(())
    });
    notes.check("integrity", |notes| integrity(c, subject, deep, notes));
    notes.check("space", |notes| super::space::examine(c, subject, notes));
    if is_current {
        notes.check("schema", |notes| schema(c, notes));
        notes.check("references", |notes| references(c, notes));
    }
    is_current
}

fn about(standing: Standing, subject: &str) -> Option<Finding> {
    Some(match standing {
        Standing::Current => return None,
        Standing::Empty => Finding::new(
            FindingCode::DatabaseEmpty,
            subject,
            "The database holds nothing yet.",
            "Nothing: the host fills it when it starts.",
        ),
        Standing::Outdated { found, known } => Finding::new(
            FindingCode::DatabaseOutdated,
            subject,
            format!(
                "An older version made the database: its schema is number {found}, this version's is {known}. Its rows were not checked."
            ),
            "The host brings it up to date when it starts, and keeps a copy of what it was beside it.",
        ),
        Standing::TooNew { found, known, version } => Finding::new(
            FindingCode::DatabaseTooNew,
            subject,
            format!(
                "{} made the database: its schema is number {found}, this is Longshore {}, which knows {known}. Its rows were not \
                 checked.",
                version.map_or_else(|| "A newer version".into(), |version| format!("Longshore {version}")),
                env!("CARGO_PKG_VERSION")
            ),
            "Use the newer version of longshore.",
        ),
        Standing::Foreign => Finding::new(
            FindingCode::DatabaseForeign,
            subject,
            "The file is a SQLite database, but not one of Longshore's.",
            "Check the path in longshore.toml.",
        ),
    })
}

/// SQLite's own check of the file. The quick one leaves out whether indexes agree with their tables.
fn integrity(c: &Connection, subject: &str, deep: bool, notes: &mut Notes<'_>) -> Result<(), Fault> {
    let check = if deep { "integrity_check" } else { "quick_check" };
    let mut statement = c.prepare(&format!("PRAGMA {check}({DAMAGES_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            notes.add(Finding::new(
                FindingCode::DatabaseCorrupt,
                subject,
                format!("SQLite finds the database damaged: {}.", said.replace('\n', ", ")),
                RESTORE,
            ));
        }
    }
    Ok(())
}

/// Compares the tables, indexes and triggers with those of a new database.
fn schema(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    let mut newest = Connection::open_in_memory()?;
    migrations::migrate(&mut newest).map_err(|error| Fault::Contradiction(error.to_string()))?;
    let (wanted, found) = (objects(&newest)?, objects(c)?);
    for (name, kind) in &wanted {
        if found.get(name) != Some(kind) {
            notes.add(Finding::new(
                FindingCode::SchemaIncomplete,
                name,
                format!("The {kind} {name} is missing from the database."),
                RESTORE,
            ));
        }
    }
    for (name, kind) in &found {
        // What SQLite itself keeps, statistics for example, is forgotten when the store is opened.
        if !wanted.contains_key(name) && !name.starts_with("sqlite_") {
            notes.add(Finding::new(
                FindingCode::SchemaForeign,
                name,
                format!("The {kind} {name} is none of Longshore's; it may slow writes down or change what they do."),
                format!("Find out who made it; `DROP {kind} {}` removes it.", identifier(name)),
            ));
        }
    }
    Ok(())
}

/// The name as SQL reads it, whatever is in it.
fn identifier(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn objects(c: &Connection) -> Result<BTreeMap<String, String>, Fault> {
    let mut statement = c.prepare("SELECT name, type FROM sqlite_schema")?;
    let objects = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(objects.collect::<rusqlite::Result<_>>()?)
}

/// Counts, table by table, the rows whose owner is not there.
fn references(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    for (table, kind) in objects(c)? {
        if kind != "table" {
            continue;
        }
        let mut orphans: BTreeMap<String, u64> = BTreeMap::new();
        let mut statement =
            c.prepare(&format!("PRAGMA foreign_key_check(\"{}\")", table.replace('"', "\"\"")))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            *orphans.entry(row.get(2)?).or_default() += 1;
        }
        for (parent, count) in orphans {
            notes.add(Finding::new(
                FindingCode::RowWithoutParent,
                &table,
                format!("{count} rows of {table} belong to rows of {parent} that are not there."),
                "Somebody deleted rows by hand, or the file is damaged: put a backup in place of the database, or \
                 delete these rows while no Longshore process runs.",
            ));
        }
    }
    Ok(())
}
