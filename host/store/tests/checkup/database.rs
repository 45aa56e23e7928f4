//! Damages of the database file, and files that are none of ours.

use std::fs;
use std::path::Path;

use longshore_domain::{TaskStore, Timestamp};
use longshore_store::checkup::{Checkup, Severity};
use longshore_store::{fill_history, fill_schedule};

use super::kit::{Place, codes, tell};

fn checkup_of(folder: &Path) -> Checkup {
    Checkup {
        database: folder.join("tasks.db"),
        files: folder.into(),
        deep: false,
        now: Timestamp::from_ms(1_800_000_000_000),
    }
}

#[test]
fn a_missing_database_is_none_to_worry_about_unless_it_left_something() {
    let folder = tempfile::tempdir().unwrap();
    let checkup = checkup_of(folder.path());
    assert_eq!(codes(&tell(&checkup)), ["database_missing"]);
    assert!(!checkup.database.exists(), "the checkup made it");
    assert_eq!(codes(&tell(&checkup_of(&folder.path().join("not/made/yet")))), ["database_missing"]);

    fs::create_dir_all(folder.path().join("artifacts/9b2f6c0e-5a51-4c0b-9d7e-0f2f0b8f3a11")).unwrap();
    assert_eq!(codes(&tell(&checkup)), ["database_lost"]);
    assert!(!checkup.fix(&mut |_| {}).hindrances.is_empty());
    fs::remove_dir_all(folder.path().join("artifacts")).unwrap();
    fs::write(folder.path().join("tasks.db-wal"), "log").unwrap();
    assert_eq!(codes(&tell(&checkup)), ["database_lost"]);
}

#[test]
fn what_is_no_database_of_ours_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let checkup = checkup_of(folder.path());
    fs::write(&checkup.database, "").unwrap();
    assert_eq!(codes(&tell(&checkup)), ["database_empty"]);
    for text in ["hello", &"a text that is longer than a page of the database ".repeat(200)] {
        fs::write(&checkup.database, text).unwrap();
        assert_eq!(codes(&tell(&checkup)), ["database_foreign"]);
        assert_eq!(fs::read_to_string(&checkup.database).unwrap(), text);
    }
    fs::remove_file(&checkup.database).unwrap();
    fs::create_dir(&checkup.database).unwrap();
    assert_eq!(codes(&tell(&checkup)), ["database_unreadable"]);
    fs::remove_dir(&checkup.database).unwrap();
    let other = rusqlite::Connection::open(&checkup.database).unwrap();
    other.execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    assert_eq!(codes(&tell(&checkup)), ["database_foreign"]);
    assert!(!checkup.fix(&mut |_| {}).hindrances.is_empty());
}

#[test]
fn another_version_is_named_and_left_alone() {
    let mut place = Place::new();
    place.close();
    place.sql("PRAGMA user_version = 99");
    assert_eq!(codes(&place.examine()), ["database_too_new"]);
    place.sql("PRAGMA user_version = 3");
    let report = place.examine();
    assert_eq!(codes(&report), ["database_outdated"]);
    assert_eq!(report.worst(), Some(Severity::Note));
    assert_eq!(place.fix().hindrances.len(), 1);
}

#[test]
fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let checkup = checkup_of(folder.path());
    fill_history(&checkup.database, 500).unwrap();
    fill_schedule(&checkup.database, 100).unwrap();
    assert_eq!(codes(&tell(&checkup)), [""; 0]);
    let whole = fs::read(&checkup.database).unwrap();
    // The beginning, the schema, and places throughout the file.
    let mut places = vec![0, 16, 100];
    places.extend((1..12).map(|part| whole.len() / 12 * part));
    for place in places {
        let mut damaged = whole.clone();
        damaged[place..][..4_000].fill(0xa5);
        fs::write(&checkup.database, &damaged).unwrap();
        let report = tell(&Checkup { deep: true, ..checkup.clone() });
        assert_eq!(report.worst(), Some(Severity::Error), "{place}: {report:?}");
        assert!(!checkup.fix(&mut |_| {}).hindrances.is_empty());
        assert_eq!(fs::read(&checkup.database).unwrap(), damaged, "a checkup changed the file");
    }
    fs::write(&checkup.database, &whole[..whole.len() / 2]).unwrap();
    assert!(codes(&tell(&checkup)).contains(&"database_corrupt"));
    fs::write(&checkup.database, whole).unwrap();
    assert_eq!(codes(&tell(&checkup)), [""; 0]);
}

#[test]
fn a_deep_checkup_compares_indexes_with_tables() {
    let mut place = Place::new();
    place.close();
    fill_history(place.database(), 50).unwrap();
    // The index is filled by another column than its own.
    let swap = |from: &str, to: &str| {
        place.sql(&format!(
            "UPDATE sqlite_schema SET sql = replace(sql, '({from}, seq)', '({to}, seq)') WHERE name = 'finished_expiry'"
        ));
    };
    swap("expires_at", "finished_at");
    place.sql("REINDEX finished_expiry");
    swap("finished_at", "expires_at");
    assert_eq!(codes(&place.examine()), [""; 0]);
    assert!(codes(&tell(&place.checkup(true))).contains(&"database_corrupt"));
    assert!(!place.fix().hindrances.is_empty());
}

#[test]
fn a_schema_that_was_changed_is_named() {
    let mut place = Place::new();
    place.close();
    place.sql("DROP INDEX outbox_dead");
    place.sql("CREATE TRIGGER nosy AFTER INSERT ON tasks BEGIN DELETE FROM rates; END");
    let report = place.examine();
    assert!(
        report.findings.iter().any(|f| f.code.as_str() == "schema_incomplete" && f.subject == "outbox_dead")
    );
    assert!(report.findings.iter().any(|f| f.code.as_str() == "schema_foreign" && f.subject == "nosy"));
}

#[tokio::test]
async fn a_database_that_is_held_is_busy() {
    let mut place = Place::new();
    place.submit().await;
    place.close();
    let other = rusqlite::Connection::open(place.database()).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT").unwrap();
    assert_eq!(codes(&place.examine()), ["database_busy"]);
}

#[tokio::test]
async fn a_checkup_reads_beside_a_writer_and_leaves_the_file_as_it_is() {
    let place = Place::new();
    place.completed().await;
    let other = rusqlite::Connection::open(place.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        codes(&place.examine()),
        ["database_unwritable"],
        "it holds on for longer than any commit takes"
    );
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(codes(&place.examine()), [""; 0]);
    let before = fs::read(place.database()).unwrap();
    place.examine();
    assert_eq!(fs::read(place.database()).unwrap(), before);
    assert!(place.store().get(None, place.submit().await).await.unwrap().is_some());
}

/// As root nothing is read-only, and there is nothing to see.
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_read_all_the_same() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut place = Place::new();
    let task = place.completed().await;
    place.close();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&place.database(), 0o444);
    mode(place.folder.path(), 0o555);
    let is_root = fs::write(place.folder.path().join("probe"), "").is_ok();
    let report = place.examine();
    let fixed = place.fix();
    mode(place.folder.path(), 0o755);
    if is_root {
        return;
    }
    assert!(codes(&report).iter().all(|code| *code == "read_only"), "{report:?}");
    assert!(!report.findings.is_empty());
    assert!(!fixed.hindrances.is_empty());
    assert!(place.published(task).exists());
}
