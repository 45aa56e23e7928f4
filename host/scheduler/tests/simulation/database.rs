//! The database that runs write into. It is real SQLite, in memory, and each thread has one for all its runs: what a run
//! has left is deleted before the next, so that nothing is prepared or migrated twice.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use longshore_store::SqliteStore;

use crate::tables::Tables;

thread_local! {
    static DATABASE: Rc<Database> = Rc::new(Database::new());
}

pub(crate) struct Database {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) tables: RefCell<Tables>,
}

impl Database {
    /// The database of this thread, as if it were new. One run has it at a time.
    pub(crate) fn emptied() -> Rc<Self> {
        let database = DATABASE.with(Rc::clone);
        database.tables.borrow_mut().delete_all();
        database
    }

    fn new() -> Self {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let name = format!("simulation-{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        Self { store: SqliteStore::in_memory(&name).unwrap(), tables: RefCell::new(Tables::open(&name)) }
    }
}
