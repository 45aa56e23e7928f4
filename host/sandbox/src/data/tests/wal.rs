//! Databases in WAL mode, whoever owns them and whoever writes to them meanwhile.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{NOBODY, Other, Reading, closed, count, integers, names};
use crate::data::open::{self, LogIndex};
use crate::data::{Stopped, vfs};

#[test]
fn nothing_is_left_of_reading_a_closed_database() {
    let (folder, path) = closed(100);
    let before = fs::read(&path).unwrap();
    let opened = open::open(&path, LogIndex::Shared).unwrap();
    let sum: i64 = opened.query_row("SELECT sum(value) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!((sum, names(&folder)), (100, vec!["a.db".to_owned()]));
    drop(opened);
    assert_eq!((names(&folder), fs::read(&path).unwrap()), (vec!["a.db".to_owned()], before));
    // Its owner writes as ever.
    let mut owner = Other::new(&path, None);
    owner.sql("INSERT INTO t(value) VALUES (1)");
    owner.close();
    assert_eq!((count(&path), names(&folder)), (101, vec!["a.db".to_owned()]));
}

#[test]
fn nothing_is_left_in_a_folder_that_cannot_be_written_nor_through_a_link() {
    let (folder, path) = closed(7);
    let link = folder.path().join("link ?#%.db");
    symlink(&path, &link).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!((count(&path), count(&link)), (7, 7));
    assert_eq!(names(&folder), ["a.db", "link ?#%.db"]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_a_crashed_writer_committed_is_read_from_its_log() {
    let (folder, path) = closed(10);
    let mut writer = Other::new(&path, None);
    writer.sql("PRAGMA wal_autocheckpoint = 0; INSERT INTO t(value) VALUES (1), (1)");
    writer.sql("BEGIN; INSERT INTO t(value) VALUES (1)");
    writer.kill();
    let shared_memory = path.with_file_name("a.db-shm");
    let log = fs::read(path.with_file_name("a.db-wal")).unwrap();
    assert_eq!(names(&folder), ["a.db", "a.db-shm", "a.db-wal"]);
    assert_eq!(count(&path), 12);
    // As a copy without its shared memory, or after a restart of the machine.
    fs::remove_file(&shared_memory).unwrap();
    assert_eq!(count(&path), 12);
    assert_eq!(names(&folder), ["a.db", "a.db-wal"]);
    assert_eq!(fs::read(path.with_file_name("a.db-wal")).unwrap(), log);
    fs::write(&shared_memory, "").unwrap();
    assert_eq!(count(&path), 12);
    assert_eq!(fs::read(&shared_memory).unwrap(), b"");
}

#[test]
fn a_writer_that_has_written_once_is_read() {
    // No reader that can write has left a mark in the shared memory yet: one that cannot finds none to use.
    let (folder, path) = closed(10);
    let mut writer = Other::new(&path, None);
    writer.sql("INSERT INTO t(value) VALUES (1)");
    assert_eq!(count(&path), 11);
    writer.sql("INSERT INTO t(value) VALUES (1)");
    assert_eq!(count(&path), 12);
    writer.sql("PRAGMA wal_checkpoint(RESTART)");
    assert_eq!(count(&path), 12);
    writer.sql("DELETE FROM t WHERE id = 1");
    assert_eq!(count(&path), 11);
    writer.close();
    assert_eq!((count(&path), names(&folder)), (11, vec!["a.db".to_owned()]));
}

#[test]
fn a_snapshot_holds_while_a_writer_beside_it_checkpoints() {
    let (_folder, path) = closed(5_000);
    for attached in [true, false] {
        let mut writer = Other::new(&path, None);
        if attached {
            writer.sql("UPDATE t SET value = 1 WHERE id = 1");
        }
        let opened = open::open(&path, LogIndex::Shared).unwrap();
        let mut statement = opened.prepare("SELECT value FROM t").unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut sum: i64 = rows.next().unwrap().unwrap().get(0).unwrap();
        // The writer comes while the reader is at its first row.
        writer.sql("UPDATE t SET value = value WHERE id = 1");
        assert!(!vfs::look(&opened).is_lost);
        writer.sql("UPDATE t SET value = 100");
        writer.sql("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)");
        while let Some(row) = rows.next().unwrap() {
            sum += row.get::<_, i64>(0).unwrap();
        }
        assert_eq!(sum, 5_000, "attached: {attached}");
        assert!(!vfs::look(&opened).is_lost);
        drop(rows);
        drop(statement);
        drop(opened);
        writer.sql("UPDATE t SET value = 1");
        writer.close();
        assert_eq!(count(&path), 5_000);
    }
}

#[test]
fn a_change_that_came_before_the_lock_is_noticed() {
    let (_folder, path) = closed(5_000);
    let opened = open::open(&path, LogIndex::Shared).unwrap();
    let mut statement = opened.prepare("SELECT value FROM t").unwrap();
    let mut rows = statement.query([]).unwrap();
    rows.next().unwrap();
    assert!(!vfs::look(&opened).is_lost);
    let mut writer = Other::new(&path, None);
    writer.sql("UPDATE t SET value = 100");
    writer.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    assert!(vfs::look(&opened).is_lost, "pages were changed that were still to be read");
    drop(rows);
}

/// What a query returns adds up to one state of the source, whatever a writer does meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_result_is_torn() {
    let (folder, path) = closed(2_000);
    let mut writer = Other::new(&path, None);
    let writing = std::thread::spawn(move || {
        for round in 0..120 {
            // The sum stays 2,000; pages everywhere change.
            writer.sql("BEGIN; UPDATE t SET value = value + 1 WHERE id % 2 = 0; UPDATE t SET value = value - 1 WHERE id % 2 = 1; COMMIT");
            match round % 4 {
                0 => writer.sql("PRAGMA wal_checkpoint(PASSIVE)"),
                1 => writer.sql("close"),
                2 => writer.sql("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)"),
                _ => {}
            }
        }
        writer.close();
    });
    let reading = Reading::of(&path);
    let (mut read, mut changed) = (0, 0);
    while !writing.is_finished() || read == 0 {
        match reading.rows("SELECT value FROM t").await {
            Ok(rows) => {
                let values = integers(&rows);
                assert_eq!((values.len(), values.iter().sum::<i64>()), (2_000, 2_000));
                assert!(values.iter().step_by(2).all(|value| *value == values[0]), "a torn result");
                read += 1;
            }
            Err(Stopped::Unavailable(why)) if why.contains("run the job again") => changed += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    writing.join().unwrap();
    eprintln!("{read} results, {changed} queries to be run again");
    let mut owner = Other::new(&path, None);
    owner.sql("UPDATE t SET value = 1");
    owner.close();
    assert_eq!(names(&folder), ["a.db"]);
}

#[test]
fn whoever_owns_what() {
    if !rustix::process::geteuid().is_root() {
        // Only root can become somebody else. What counts, that no file is made, the tests above say for every user.
        eprintln!("skipped: needs root to start processes of other users");
        return;
    }
    let (folder, path) = closed(5);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Another user reads what root owns and may write: in a folder that this user may write to, too.
    for mode in [0o755, 0o777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let mut reader = Other::new(&path, Some(NOBODY));
        assert_eq!(reader.ask("read"), "5");
        assert_eq!(names(&folder), ["a.db"]);
        let mut writer = Other::new(&path, None);
        writer.sql("INSERT INTO t(value) VALUES (1); DELETE FROM t WHERE id > 5");
        assert_eq!(reader.ask("read"), "5");
        writer.sql("INSERT INTO t(value) VALUES (1)");
        assert_eq!(reader.ask("read"), "6");
        writer.sql("DELETE FROM t WHERE id > 5");
        writer.close();
        reader.close();
        assert_eq!(names(&folder), ["a.db"]);
    }
    // Root reads what another user owns, and that user writes on.
    for name in [folder.path(), &path] {
        std::os::unix::fs::chown(name, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    assert_eq!((count(&path), names(&folder)), (5, vec!["a.db".to_owned()]));
    let mut owner = Other::new(&path, Some(NOBODY));
    owner.sql("INSERT INTO t(value) VALUES (1)");
    assert_eq!(count(&path), 6);
    owner.sql("INSERT INTO t(value) VALUES (1)");
    owner.close();
    assert_eq!((count(&path), names(&folder)), (7, vec!["a.db".to_owned()]));

    // A log that cannot be read is said to be the reason.
    let mut writer = Other::new(&path, Some(NOBODY));
    writer.sql("INSERT INTO t(value) VALUES (1)");
    std::os::unix::fs::chown(path.with_file_name("a.db-wal"), Some(0), Some(0)).unwrap();
    fs::set_permissions(path.with_file_name("a.db-wal"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut reader = Other::new(&path, Some(NOBODY));
    let refused = reader.ask("read");
    assert!(refused.contains("a.db-wal") && refused.contains("read it, too"), "{refused}");
}
