//! The sample shop that `longshore init` writes: two years of orders in ten Indian cities.
//!
//! The data is always the same: it follows from fixed seeds, whole-number arithmetic and nothing else. Delhi has
//! 1,842 orders in March 2026.

mod calendar;
mod customers;
mod dice;
mod gstin;
mod names;
mod orders;
mod places;
mod products;
mod tax;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use self::dice::Dice;
use self::places::{BRANCHES, LEGAL_NAME, PAN};

/// Why the sample shop was not written.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A file is there already: it could be somebody's data.
    #[error("{} exists already; move it away or choose another path", .0.display())]
    Exists(PathBuf),
    /// The file system said no.
    #[error("cannot write {}", .path.display())]
    Io {
        /// The file that was being written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// SQLite said no.
    #[error("cannot write the sample shop")]
    Sqlite(#[from] rusqlite::Error),
}

/// Writes the sample shop to a new SQLite file at `path`.
///
/// It is written beside, under a `.part` name, and moved into place when it is complete and on disk: a shop that
/// can be opened is a whole one.
pub fn write_shop(path: &Path) -> Result<(), SampleError> {
    if path.exists() {
        return Err(SampleError::Exists(path.to_owned()));
    }
    let part = part_path(path);
    let io_error = |source| SampleError::Io { path: part.clone(), source };
    if part.exists() {
        fs::remove_file(&part).map_err(io_error)?;
    }
    let mut connection = Connection::open(&part)?;
    // Nobody else sees this file, and a failed one is thrown away, so nothing needs a journal.
    connection
        .execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536",
    )?;
    let tx = connection.transaction()?;
    fill(&tx)?;
    tx.commit()?;
    connection.execute_batch("ANALYZE")?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(io_error)?;
    fs::rename(&part, path).map_err(|source| SampleError::Io { path: path.to_owned(), source })
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".part");
    name.into()
}

/// Each kind of data has a seed of its own, so that a change to one leaves the others as they were.
fn fill(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(include_str!("schema.sql"))?;
    write_branches(tx)?;
    let products = products::write(tx, &mut Dice::new(1))?;
    let customers = customers::write(tx, &mut Dice::new(2))?;
    orders::write(tx, &mut Dice::new(3), &products, &customers)?;
    tx.execute_batch(include_str!("indexes.sql"))
}

fn write_branches(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut insert = tx.prepare("INSERT INTO branches VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for branch in &BRANCHES {
        let home = &branch.home;
        insert.execute(params![
            branch.code,
            home.city,
            LEGAL_NAME,
            gstin::gstin(home.state_code, PAN, branch.registration),
            branch.address,
            home.state,
            home.state_code,
        ])?;
    }
    Ok(())
}
