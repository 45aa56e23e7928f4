//! Brings a database to the schema that this version knows.

use std::cmp::Ordering;
use std::path::Path;

use longshore_domain::StoreError;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::backup::{BackupError, copy_before_upgrade};
use crate::fault::store_error;
use crate::identity::beside;

/// The migrations, oldest first. The number of those applied is the file's `user_version`. One that was released is
/// never edited; what it lacks comes in the next.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_tasks.sql"),
    include_str!("../migrations/0002_policies.sql"),
    include_str!("../migrations/0003_outbox.sql"),
    include_str!("../migrations/0004_rank.sql"),
    include_str!("../migrations/0005_callbacks.sql"),
    include_str!("../migrations/0006_alerts.sql"),
    include_str!("../migrations/0007_schedules.sql"),
    include_str!("../migrations/0008_saves.sql"),
    include_str!("../migrations/0009_checkpoint_digest.sql"),
    include_str!("../migrations/0010_message_holder.sql"),
    include_str!("../migrations/0011_paused.sql"),
    include_str!("../migrations/0012_clocks.sql"),
    include_str!("../migrations/0013_generation.sql"),
];

/// Notes who upgraded the database. The time is the system's, for people alone.
const NOTE_UPGRADE: &str = "
    INSERT OR REPLACE INTO upgrades (schema, from_schema, version, at, copy)
    VALUES (?1, ?2, ?3, CAST(unixepoch('subsec') * 1000 AS INTEGER), ?4)";

/// Marks the file as ours: "LSHR".
const APPLICATION_ID: i32 = 0x4c53_4852;

/// Refuses a file that is not ours, or that a newer Longshore wrote.
pub(crate) fn refuse(standing: Standing) -> Result<(), StoreError> {
    match standing {
        Standing::TooNew { .. } | Standing::Foreign => schema_of(standing).map(drop),
        _ => Ok(()),
    }
}

/// Refuses a database that this version cannot read.
pub(crate) fn refuse_unknown(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (check_ours(connection)?, MIGRATIONS.len() as u32);
    if found < known {
        return Err(StoreError::ReadOnly(format!("it has schema {found} and cannot be brought to {known}")));
    }
    Ok(())
}

/// The schema of a database that is ours, or new.
fn check_ours(connection: &Connection) -> Result<u32, StoreError> {
    schema_of(standing(connection).map_err(|error| store_error(&error))?)
}

fn schema_of(standing: Standing) -> Result<u32, StoreError> {
    match standing {
        Standing::Empty => Ok(0),
        Standing::Outdated { found, .. } => Ok(found),
        Standing::Current => Ok(MIGRATIONS.len() as u32),
        Standing::TooNew { found, known, version } => Err(StoreError::TooNew { found, known, version }),
        Standing::Foreign => Err(StoreError::NotOurs(
            "the file is a SQLite database, but not one of Longshore's; it was left as it is".into(),
        )),
    }
}

/// The version of Longshore that brought the database to its schema, where it is noted.
fn version_of(connection: &Connection) -> Option<String> {
    let newest = "SELECT version FROM upgrades ORDER BY schema DESC LIMIT 1";
    connection.query_row(newest, [], |row| row.get(0)).ok()
}

/// Brings the database at `path` to the newest schema, and keeps a copy of what it was. Nobody else must upgrade it now.
pub(crate) fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let Standing::Outdated { found, known } = standing(connection).map_err(|error| store_error(&error))?
    else {
        return migrate(connection);
    };
    let copy = beside(path, &format!(".schema-{found}"));
    copy_before_upgrade(connection, &copy).map_err(|error| match error {
        BackupError::Store(error) => error,
        BackupError::NoRoom { .. } => StoreError::Full(format!("a copy is made before an upgrade: {error}")),
        other => StoreError::Disk(format!("a copy is made before an upgrade: {other}")),
    })?;
    let name = copy.file_name().unwrap_or_default().to_string_lossy().into_owned();
    migrate_from(connection, Some(&name))?;
    tracing::info!(
        from = found,
        to = known,
        version = env!("CARGO_PKG_VERSION"),
        copy = %copy.display(),
        "the task database was upgraded; the copy of what it was can be deleted once nobody wants to go back"
    );
    Ok(())
}

/// Brings the database to the newest schema, in one transaction. Several processes may try at once.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    migrate_from(connection, None)
}

fn migrate_from(connection: &mut Connection, copy: Option<&str>) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as u32;
    // A file that is up to date is only looked at, so that opening it never waits for a writer.
    if standing(connection).map_err(|error| store_error(&error))? == Standing::Current {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| store_error(&error))?;
    // Another process may have been faster.
    let found = check_ours(&transaction)?;
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration).map_err(|error| store_error(&error))?;
    }
    if found < known {
        transaction
            .execute(NOTE_UPGRADE, params![known, found, env!("CARGO_PKG_VERSION"), copy])
            .map_err(|error| store_error(&error))?;
    }
    transaction
        .pragma_update(None, "user_version", known)
        .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION_ID))
        .and_then(|()| transaction.commit())
        .map_err(|error| store_error(&error))
}

/// What a database is to this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Ours, with the schema that this version knows.
    Current,
    /// Ours, of a version before this one; opening the store brings it up to date.
    Outdated { found: u32, known: u32 },
    /// Ours, of a version after this one, which it names.
    TooNew { found: u32, known: u32, version: Option<String> },
    /// Nothing is in it; opening the store makes it ours.
    Empty,
    /// It belongs to another program.
    Foreign,
}

/// Says what a database is, and changes nothing.
pub(crate) fn standing(connection: &Connection) -> rusqlite::Result<Standing> {
    let known = MIGRATIONS.len() as u32;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        let is_empty = found == 0 && !has_tables(connection)?;
        return Ok(if is_empty { Standing::Empty } else { Standing::Foreign });
    }
    Ok(match found.cmp(&known) {
        Ordering::Less => Standing::Outdated { found, known },
        Ordering::Equal => Standing::Current,
        Ordering::Greater => Standing::TooNew { found, known, version: version_of(connection) },
    })
}

/// Removes what an ANALYZE left, and says whether there was anything; the connection has to be opened again then. Hot
/// tables are empty one moment and long the next: statistics from an empty moment make SQLite scan them for ever.
pub(crate) fn forget_statistics(connection: &Connection) -> Result<bool, StoreError> {
    let there: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1')", [], |row| {
            row.get(0)
        })
        .map_err(|error| store_error(&error))?;
    if there {
        connection
            .execute_batch("DROP TABLE IF EXISTS sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4")
            .map_err(|error| store_error(&error))?;
    }
    Ok(there)
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// SHA-256 of each migration. A line is added with a migration, and never changed once it was released.
    const RELEASED: &[&str] = &[
        "025cceee5914d02ad61d509234e6daeffd0dfc7d0f0df66b7d34b10b3ed76c3a",
        "2e4c78fd04b06a9fb57529cad47a48f2aaf91375f1297791ff4a8c8045337d26",
        "9388bd3242597eb74510b6bf738acb78b41dc02a20a14bd3f0844d0874f57844",
        "54d17a2e2f6a935220f4b366d448e274a79671981ebfdfca34559d12262787c3",
        "501ed75639843b903f6359fcce1aa69506085c4ad1fe23982a495e2bb8904ccb",
        "3c5cce79730d2daabd4f4fec2440d0efb45fcdd1385e781972a724744fb5f3a4",
        "42300433b32cfc9503745dd0eafc7ee58278f798ef417c4c7243621296ea35a8",
        "2e01456cf5176fa9bd55be4e6ddeb763dfff11e2bd8d7f7b63e0844796108db9",
        "9b618d2a325cc33415eb42b0409d81bc89a67171cd691c8e47442ee35a0bef02",
        "9c58cf3e5caa2d22c8602cb774673861a1712a1f69229e32a4620319ec4f8222",
        "49659500a93db2e517fa86be912fc6a7fc450e71cfa292cc614228f8dfe2cb68",
        "30a4279d2619f64b8019bd0514d7dba45d56e071c80d4576b740f557133a1c55",
        "ff5b4f3c03543a460bc98ef1bd137386f3b4371a6052677ce0511284ea5e27b2",
    ];

    #[test]
    fn a_released_migration_is_never_edited() {
        let hashes: Vec<String> =
            MIGRATIONS.iter().map(|sql| format!("{:x}", Sha256::digest(sql.as_bytes()))).collect();
        assert_eq!(hashes, RELEASED, "write a new migration instead of editing an old one");
    }

    #[test]
    fn every_migration_file_is_applied() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, MIGRATIONS);
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(standing(&connection).unwrap(), Standing::Current);
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        assert!(matches!(refused, StoreError::TooNew { found: 99, .. }), "{refused}");
    }

    #[test]
    fn a_foreign_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
        assert!(matches!(migrate(&mut connection).unwrap_err(), StoreError::NotOurs(_)));
    }

    #[test]
    fn an_upgrade_keeps_a_copy_and_notes_who_did_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        let old = Connection::open(&path).unwrap();
        for migration in &MIGRATIONS[..9] {
            old.execute_batch(migration).unwrap();
        }
        old.pragma_update(None, "user_version", 9).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        drop(old);
        drop(crate::SqliteStore::open(&path, crate::StoreOptions::default()).unwrap());
        let known = MIGRATIONS.len() as u32;
        let copy = Connection::open(folder.path().join("tasks.db.schema-9")).unwrap();
        assert_eq!(standing(&copy).unwrap(), Standing::Outdated { found: 9, known });
        let upgraded = Connection::open(&path).unwrap();
        let noted: (u32, u32, String, String) = upgraded
            .query_row("SELECT from_schema, schema, version, copy FROM upgrades", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        assert_eq!(noted, (9, known, env!("CARGO_PKG_VERSION").into(), "tasks.db.schema-9".into()));
        upgraded.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut Connection::open(&path).unwrap()).unwrap_err().to_string();
        assert!(refused.contains(&format!("made by Longshore {}", env!("CARGO_PKG_VERSION"))), "{refused}");
    }

    #[test]
    fn free_pages_of_a_new_database_are_given_back() {
        use crate::verbs::space::{Space, give_back};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        crate::fill_history(&path, 30_000).unwrap();
        let store = Connection::open(&path).unwrap();
        store.execute_batch("PRAGMA foreign_keys = ON; DELETE FROM tasks").unwrap();
        let before = Space::of(&store).unwrap();
        assert!(before.is_incremental && before.free > 2_560, "{before:?}");
        while give_back(&store).unwrap() {}
        let after = Space::of(&store).unwrap();
        assert!(after.pages < before.pages && after.free <= 2_560, "{after:?}");
    }
}
