//! A checkup of a data folder: is the database whole, do its rows keep the rules, is every file there that should be,
//! and none that should not.
//!
//! It only reads, and may run beside processes that work in the folder. Files move and rows change meanwhile, so
//! whatever looks wrong is looked at again before it is told. Nothing is kept in memory that grows with the folder.

mod artifacts;
mod clock;
mod database;
mod disk;
mod files;
mod finding;
mod fix;
mod folders;
pub(crate) mod known;
mod messages;
mod notes;
mod opening;
mod rows;
mod space;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use longshore_domain::Timestamp;

pub use finding::{Finding, FindingCode, Report, Severity};
pub use fix::{Deed, DeedKind, Fixed};

use crate::files::layout::Layout;
use notes::Notes;
use opening::Database;

/// The statements of each file, for the tests that check their plans.
#[cfg(test)]
pub(crate) const STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("checkup::known", known::STATEMENTS),
    ("checkup::clock", clock::STATEMENTS),
    ("checkup::messages", messages::STATEMENTS),
    ("checkup::rows", rows::STATEMENTS),
];

/// Findings of one code that are told one by one.
pub const LISTED_MAX: u64 = 100;

/// How far a checkup or a fix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is looked at: `integrity`, `tasks`, `files` and so on.
    pub stage: &'static str,
    /// How many of them were looked at.
    pub done: u64,
}

/// A checkup of one database and the files that belong to it.
#[derive(Clone, Debug)]
pub struct Checkup {
    /// The database file. It need not be there.
    pub database: PathBuf,
    /// The folder of files, as it is given to [`LocalFiles`](crate::LocalFiles). It need not be there.
    pub files: PathBuf,
    /// Whether every byte is read: finished artifacts are compared with their digests, and indexes with their tables.
    pub deep: bool,
    /// The time.
    pub now: Timestamp,
}

impl Checkup {
    /// Looks at everything and changes nothing. It blocks, for minutes where there is much to read.
    ///
    /// SQLite may leave an empty write-ahead log beside a database that nobody else has open; the next process that
    /// does uses it.
    pub fn examine(&self, watch: &mut dyn FnMut(Progress)) -> Report {
        let mut notes = Notes::new(watch);
        self.examine_all(self.deep, &mut notes);
        notes.into_report()
    }

    /// Does what can be done safely: publishes what waits to be published, deletes work files that nothing needs any
    /// more, and moves files of unknown tasks to the folder `stray`. It blocks, and may run beside working processes.
    ///
    /// It first makes a checkup of its own and does nothing while the database itself is not in order, since the files
    /// may be all that is left to fix it with.
    pub fn fix(&self, watch: &mut dyn FnMut(Progress)) -> Fixed {
        fix::fix(self, watch)
    }

    /// Checks the database, and gives it when its rows can be relied on to say which files belong to it.
    fn examine_database(&self, deep: bool, notes: &mut Notes<'_>) -> Option<Database> {
        disk::examine(&self.database, &self.files, notes);
        let database = match Database::open(&self.database) {
            Ok(database) => database,
            Err(finding) => {
                let is_new =
                    matches!(finding.code, FindingCode::DatabaseMissing | FindingCode::DatabaseEmpty);
                notes.add(if is_new && has_tasks(&self.layout()) { self.lost() } else { finding });
                return None;
            }
        };
        let c = &database.connection;
        let is_current = database::examine(c, &self.database.display().to_string(), deep, notes);
        if is_current {
            rows::examine(c, deep, self.now, notes);
            messages::examine(c, notes);
            clock::examine(c, self.now, notes);
            writing::examine(&self.database, notes);
        }
        is_current.then_some(database)
    }

    fn examine_all(&self, deep: bool, notes: &mut Notes<'_>) {
        let Some(database) = self.examine_database(deep, notes) else { return };
        let (c, layout) = (&database.connection, self.layout());
        notes.check("artifacts", |notes| artifacts::examine(c, &layout, self.deep, self.now, notes));
        notes.check("files", |notes| files::examine(c, &layout, self.deep, notes));
        if !database.held_still(&self.database) {
            notes.add(Finding::new(
                FindingCode::DatabaseBusy,
                self.database.display(),
                "This user cannot write the folder, and another one worked on the database during the checkup: what was \
                 found may be wrong.",
                "Run the checkup as the user that owns the folder.",
            ));
        }
    }

    fn layout(&self) -> Layout {
        Layout::new(&self.files)
    }

    fn lost(&self) -> Finding {
        Finding::new(
            FindingCode::DatabaseLost,
            self.database.display(),
            format!("There is no database, but files of tasks are in {}.", self.files.display()),
            "Check the path in longshore.toml; if it is right, put a backup of the database there before the host starts.",
        )
    }
}

/// Whether there are files of any task.
fn has_tasks(layout: &Layout) -> bool {
    let any = |folder: &Path| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    any(layout.work()) || any(layout.artifacts())
}
