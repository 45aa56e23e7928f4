//! Backups of a project's database, and putting one in its place.

use std::path::Path;

use longshore_domain::Clock as _;
pub use longshore_store::{BackedUp, BackupError, Restored};
use longshore_store::{BackupOptions, Restoration};

use super::SystemClock;
use super::presence::Presence;
use crate::config::Config;

/// Writes a backup to `path`, with the files of jobs if asked. It blocks; others may work meanwhile.
pub fn back_up(
    config: &Config,
    path: &Path,
    with_files: bool,
    overwrite: bool,
) -> Result<BackedUp, BackupError> {
    let (database, files) = (&config.store.path, &config.store.files);
    longshore_store::back_up(path, &BackupOptions { database, files, with_files, overwrite })
}

/// Puts the backup at `path` in the place of the project's database. It blocks, and no process of the project may live.
pub fn restore(config: &Config, path: &Path) -> Result<Restored, BackupError> {
    let (database, files) = (&config.store.path, &config.store.files);
    let presence = Presence::of(config);
    let in_use = |by: String| BackupError::InUse { path: database.clone(), by };
    if let Some(behind) = presence.behind() {
        return Err(in_use(format!("the worker that stayed behind (process {}) works on it", behind.pid)));
    }
    if presence.has_worker() {
        return Err(in_use("a `longshore worker` or `longshore serve` works on it".into()));
    }
    let now = SystemClock.now().rfc3339();
    let digits: String = now.chars().filter(char::is_ascii_digit).take("YYYYmmddHHMMSS".len()).collect();
    longshore_store::restore(path, &Restoration { database, files, kept_as: &digits })
}
