//! What is particular to the store on SQLite: its file, other processes, and what is left after a kill.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::{
    ClaimRequest, ComponentSha, JobTypeClaim, KeptSlots, NewTask, Owner, StoreError, SubmitError, TaskFilter,
    TaskId, TaskState, TaskStore, Timestamp, WorkerId,
};
use longshore_store::{SqliteStore, StoreOptions, fill_history, fill_schedule};

fn open(path: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(path, StoreOptions::default()).unwrap()
}

fn new_task() -> NewTask {
    NewTask {
        id: TaskId::random(),
        owner: Owner::local(),
        job_type: "export".parse().unwrap(),
        payload: "{}".into(),
        idempotency_key: None,
        priority: 0,
        created_at: Timestamp::from_ms(1),
        run_at: None,
        is_delayed: false,
        deadline_at: None,
        ttl_ms: 1,
        callback: None,
    }
}

#[tokio::test]
async fn everything_acknowledged_is_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let store = open(&path);
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(store.submit(new_task()).await.unwrap().task.id);
    }
    // What a kill leaves: the files as they are, nothing closed, nothing moved out of the write-ahead log. The
    // shared-memory file is not on disk after a power loss.
    let left = tempfile::tempdir().unwrap();
    for name in ["tasks.db", "tasks.db-wal"] {
        fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    assert!(fs::metadata(left.path().join("tasks.db-wal")).unwrap().len() > 0);
    let found = open(&left.path().join("tasks.db"));
    for id in ids {
        assert_eq!(found.get(None, id).await.unwrap().unwrap().state, TaskState::Queued);
    }
}

#[tokio::test]
async fn closing_a_store_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let store = open(&path);
    let id = store.submit(new_task()).await.unwrap().task.id;
    drop(store);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() == 2 && names.contains(&"tasks.db".into()), "{names:?}");
    assert!(names.contains(&"tasks.db.generation".into()), "{names:?}");
    assert!(open(&path).get(None, id).await.unwrap().is_some());
}

#[test]
fn many_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || open(&path))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_file_that_another_program_holds_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), ..StoreOptions::default() };
    let store = SqliteStore::open(&path, options).unwrap();
    let id = store.submit(new_task()).await.unwrap().task.id;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.submit(new_task()).await;
    assert!(matches!(refused, Err(SubmitError::Store(StoreError::Busy(_)))), "{refused:?}");
    assert!(store.get(None, id).await.unwrap().is_some(), "readers do not wait for a writer");
    other.execute_batch("ROLLBACK").unwrap();
    store.submit(new_task()).await.unwrap();
}

#[tokio::test]
async fn a_write_waits_for_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let store = open(&path);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let submission = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.submit(new_task()).await }
    });
    tokio::task::yield_now().await;
    assert!(!submission.is_finished());
    other.execute_batch("COMMIT").unwrap();
    submission.await.unwrap().unwrap();
}

/// Another program held the database for longer than a lease: who asked for one meanwhile got one that was over, and lost the
/// task to the next that looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_waited_for_another_program_lasts_that_much_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let store = open(&path);
    store.submit(new_task()).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let lease_until = Timestamp::from_ms(1_000);
    let claim = tokio::spawn({
        let store = Arc::clone(&store);
        let export = JobTypeClaim {
            name: new_task().job_type,
            component: ComponentSha::new("0".repeat(64)),
            concurrency: None,
            rate: None,
            has_breaker: false,
        };
        let request = ClaimRequest {
            worker: WorkerId::new("worker"),
            now: Timestamp::from_ms(1),
            lease_until,
            limit: 1,
            kept: KeptSlots::default(),
            job_types: vec![export],
        };
        async move { store.claim(request).await }
    });
    // What is waited for is real, and so is the wait.
    tokio::time::sleep(Duration::from_millis(200)).await;
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(claim.await.unwrap().unwrap().len(), 1);
    let expired = async |at| store.expired(at, 10).await.unwrap().len();
    assert_eq!(expired(lease_until.after(Duration::from_millis(20))).await, 0);
    assert_eq!(expired(lease_until.after(Duration::from_secs(3_600))).await, 1);
}

#[test]
fn a_file_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    let refused = SqliteStore::open(&path, StoreOptions::default()).unwrap_err();
    assert!(matches!(refused, StoreError::NotOurs(_)), "{refused}");
    fs::write(&path, "not a database at all, but long enough to be looked at".repeat(100)).unwrap();
    assert!(SqliteStore::open(&path, StoreOptions::default()).is_err());
}

#[test]
fn a_foreign_or_newer_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    drop(open(&path));
    fs::remove_file(folder.path().join("tasks.db.generation")).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let refuses = |expected: fn(&StoreError) -> bool| {
        let before = fs::read(&path).unwrap();
        for refused in [
            SqliteStore::open(&path, StoreOptions::default()).unwrap_err(),
            SqliteStore::open_if_only_to_read(&path, StoreOptions::default()).unwrap_err(),
        ] {
            assert!(expected(&refused), "{refused}");
        }
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    };
    refuses(|error| matches!(error, StoreError::TooNew { found: 99, .. }));
    fs::remove_file(&path).unwrap();
    // Not in WAL mode, and it stays so.
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    refuses(|error| matches!(error, StoreError::NotOurs(_)));
    fs::write(&path, "not a database at all, but long enough to be looked at".repeat(100)).unwrap();
    // The code that a checkup has for it, too.
    refuses(|error| matches!(error, StoreError::NotOurs(_)) && error.code() == "database_foreign");
}

#[tokio::test]
async fn nothing_is_acknowledged_once_damage_was_found() {
    use std::os::unix::fs::FileExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    fill_history(&path, 300).unwrap();
    let store = open(&path);
    store.submit(new_task()).await.unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len() as usize;
    file.write_all_at(&vec![0xa5; length - 4096], 4096).unwrap();
    let filter = TaskFilter { state: Some(TaskState::Completed), limit: 100, ..TaskFilter::default() };
    let error = store.list(filter).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    let refused = store.submit(new_task()).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Store(StoreError::Corrupt(_))), "{refused}");
}

#[tokio::test]
async fn nothing_is_written_into_a_file_that_was_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let store = open(&path);
    let id = store.submit(new_task()).await.unwrap().task.id;
    for name in ["tasks.db", "tasks.db-wal", "tasks.db-shm"] {
        let (file, away) = (folder.path().join(name), folder.path().join("away"));
        fs::rename(&file, &away).unwrap();
        let refused = store.submit(new_task()).await.unwrap_err();
        assert!(matches!(refused, SubmitError::Store(StoreError::Replaced(_))), "{name}: {refused}");
        assert_eq!(store.get(None, id).await.is_err(), name == "tasks.db");
        fs::rename(&away, &file).unwrap();
        store.submit(new_task()).await.unwrap();
    }
    assert_eq!(store.live_counts().await.unwrap().values().map(|counts| counts.queued).sum::<u64>(), 4);
}

#[tokio::test]
async fn a_history_is_made_of_finished_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    fill_history(&path, 30).unwrap();
    fill_history(&path, 12).unwrap();
    let store = open(&path);
    let filter = TaskFilter { state: Some(TaskState::Completed), limit: 100, ..TaskFilter::default() };
    let page = store.list(filter).await.unwrap();
    assert_eq!(page.tasks.len(), 42);
    let task = store.get(None, page.tasks[0].id).await.unwrap().unwrap();
    assert!(task.result.is_some());
    assert_eq!(store.attempts(task.id).await.unwrap().len(), 1);
    assert!(store.live_counts().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_schedule_is_made_of_tasks_that_are_due_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    fill_history(&path, 12).unwrap();
    fill_schedule(&path, 30).unwrap();
    let store = open(&path);
    let filter = TaskFilter { state: Some(TaskState::Scheduled), limit: 100, ..TaskFilter::default() };
    let page = store.list(filter).await.unwrap();
    assert_eq!(page.tasks.len(), 30);
    let now = Timestamp::from_ms(1_800_000_000_000);
    assert!(store.next_due().await.unwrap().unwrap() > now);
    assert_eq!(store.promote_due(now, 100).await.unwrap(), 0);
    assert!(store.fail_overdue(now, 100).await.unwrap().is_empty());
}
