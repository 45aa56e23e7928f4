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

/// The store without files and threads, which the scheduler is simulated on.
mod in_memory {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Open, SqliteStore};

    fn memory() -> Open {
        static STORES: AtomicU32 = AtomicU32::new(0);
        let name = format!("conformance-{}", STORES.fetch_add(1, Ordering::Relaxed));
        let store = SqliteStore::in_memory(&name).expect("the store opens");
        Box::new(move || store.clone())
    }

    longshore_store::conformance_tests!(one handle: super::memory());
}
