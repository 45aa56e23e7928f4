//! The suite that every store passes, on SQLite.

use longshore_store::conformance::Open;
use longshore_store::{SqliteStore, StoreOptions};

/// A store in a folder that goes with it.
fn sqlite() -> Open {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = move || folder.path().join("tasks.db");
    Box::new(move || SqliteStore::open(path(), StoreOptions::default()).expect("the store opens"))
}

longshore_store::conformance_tests!(super::sqlite());
