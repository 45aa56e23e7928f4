//! Gives pages that hold nothing back to the disk, a few at a time.

use rusqlite::Connection;

use crate::fault::Fault;

/// Pages in one step; others who write wait for it.
const STEP: u32 = 1_000;

/// Free pages that are kept for rows to come: this many, and this part of the file.
const KEPT_PAGES: u64 = 2_560;
const KEPT_PART: u64 = 4;

/// What the pages of a database are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) page_bytes: u64,
    pub(crate) pages: u64,
    pub(crate) free: u64,
    /// Whether free pages can be given back. One that was made before there were generations has to be written anew for that.
    pub(crate) is_incremental: bool,
}

impl Space {
    pub(crate) fn of(c: &Connection) -> rusqlite::Result<Self> {
        let number = |name: &str| -> rusqlite::Result<u64> {
            c.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(|number| number as u64)
        };
        Ok(Self {
            page_bytes: number("page_size")?,
            pages: number("page_count")?,
            free: number("freelist_count")?,
            is_incremental: number("auto_vacuum")? == 2,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.page_bytes * self.pages
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        self.page_bytes * self.free
    }
}

/// Gives some pages back where many hold nothing. Says whether it did.
pub(crate) fn give_back(c: &Connection) -> Result<bool, Fault> {
    let space = Space::of(c)?;
    if !space.is_incremental || space.free <= KEPT_PAGES.max(space.pages / KEPT_PART) {
        return Ok(false);
    }
    let mut statement = c.prepare(&format!("PRAGMA incremental_vacuum({STEP})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}
