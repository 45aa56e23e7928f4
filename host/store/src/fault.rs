//! Why a command did not succeed, and how that is told to callers.

use longshore_domain::{IllegalTransition, StoreError};
use rusqlite::ErrorCode;

/// A command failed; nothing of it may be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite said no.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// The rows contradict each other or the rules: a bug of ours, or a damaged file.
    #[error("{0}")]
    Contradiction(String),
    /// The caller asked for a page that no page leads to.
    #[error("no page of tasks ended there")]
    NoSuchPage,
}

impl From<IllegalTransition> for Fault {
    fn from(illegal: IllegalTransition) -> Self {
        Self::Contradiction(illegal.to_string())
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => store_error(&error),
            Fault::Contradiction(what) => Self::Broken(what),
            Fault::NoSuchPage => Self::NoSuchPage,
        }
    }
}

/// What a caller is told about an error of SQLite.
pub(crate) fn store_error(error: &rusqlite::Error) -> StoreError {
    if is_busy(error) { StoreError::Busy(error.to_string()) } else { StoreError::Broken(error.to_string()) }
}

/// Whether another connection was in the way, so that trying again may help.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Says that a guarded write must have changed one row.
pub(crate) fn exactly_one(changed: usize, what: &str) -> Result<(), Fault> {
    if changed == 1 {
        return Ok(());
    }
    Err(Fault::Contradiction(format!("{what} changed {changed} rows instead of one")))
}
