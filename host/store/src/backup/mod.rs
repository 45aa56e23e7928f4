//! Backups of a database that is in use, with the files of its tasks or without, and putting one in its place.

mod copy;
mod error;
mod files;
mod in_use;
mod restore;
mod target;

pub(crate) use copy::copy_before_upgrade;
pub use copy::{BackedUp, BackupOptions, back_up};
pub use error::BackupError;
pub use in_use::has_database_in_use;
pub(crate) use restore::finish as finish_restore;
pub use restore::{Restoration, Restored, restore};
pub(crate) use target::{Room, sync_parent};

/// The database in a backup with files, which is a folder.
const DATABASE: &str = "longshore.db";
