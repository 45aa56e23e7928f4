//! The task store on SQLite, and artifact files in a folder.
//!
//! One thread writes and shares commits between callers; a few threads read. A task's state is the table that its row
//! is in, and the tables that are hot are small, so that work costs the same beside a long history.

mod backup;
pub mod checkup;
mod columns;
pub mod conformance;
mod connection;
mod fault;
mod files;
mod generation;
mod history;
mod identity;
mod log_readers;
mod migrations;
mod options;
mod private;
mod read_only;
mod readers;
mod sqlite;
mod statements;
mod trouble;
mod verbs;
mod writer;

pub use backup::{
    BackedUp, BackupError, BackupOptions, Restoration, Restored, back_up, has_database_in_use, restore,
};
pub use files::LocalFiles;
pub use history::{fill_history, fill_schedule};
pub use options::{StoreOptions, Synchronous};
pub use private::create_private_folder;
pub use sqlite::SqliteStore;
