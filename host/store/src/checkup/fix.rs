//! Does what can be done safely about what a checkup finds.
//!
//! Nothing that somebody might miss is deleted: files of unknown tasks are only moved, and work files go only when
//! their attempt is over and its result, if it has one, is whole in its final place.

use std::io;
use std::path::{Path, PathBuf};

use longshore_domain::TaskState;
use rusqlite::Connection;
use serde::Serialize;

use super::artifacts::{self, Artifacts};
use super::finding::{Finding, FindingCode, Severity};
use super::folders::{Oddity, Walk};
use super::known::{Known, each_with_artifacts, look};
use super::notes::{self, Notes};
use super::opening::Database;
use super::{Checkup, LISTED_MAX, Progress, space};
use crate::fault::Fault;
use crate::files::layout::{Layout, remove_folder};
use crate::files::publish::publish;
use crate::files::set_aside;
use crate::verbs::space::Space;

/// What a fix did with some files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeedKind {
    /// Moved them to their final place.
    Published,
    /// Deleted them.
    Deleted,
    /// Moved them to the folder of strays.
    SetAside,
    /// Wrote the database anew, without its free pages.
    Rewritten,
}

/// One thing that a fix did or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// What was done.
    pub kind: DeedKind,
    /// The folder it was done to.
    pub folder: PathBuf,
    /// Why it did not succeed, if it did not.
    pub error: Option<String>,
}

/// What a fix did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// Why nothing, or not all, was done; empty when all was.
    pub hindrances: Vec<Finding>,
    /// What was done or tried first, [`LISTED_MAX`](super::LISTED_MAX) deeds at most.
    pub deeds: Vec<Deed>,
    /// How many folders were moved to their final place.
    pub published: u64,
    /// How many were deleted.
    pub deleted: u64,
    /// How many were set aside.
    pub set_aside: u64,
    /// Whether the database was written anew: 1 or 0.
    pub rewritten: u64,
    /// How many deeds did not succeed.
    pub failed: u64,
}

impl Fixed {
    fn note(&mut self, kind: DeedKind, folder: &Path, result: io::Result<()>) {
        match (&result, kind) {
            // Somebody else did it meanwhile.
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => return,
            (Err(_), _) => self.failed += 1,
            (Ok(()), DeedKind::Published) => self.published += 1,
            (Ok(()), DeedKind::Deleted) => self.deleted += 1,
            (Ok(()), DeedKind::SetAside) => self.set_aside += 1,
            (Ok(()), DeedKind::Rewritten) => self.rewritten += 1,
        }
        if self.deeds.len() < LISTED_MAX as usize {
            let error = result.err().map(|error| error.to_string());
            self.deeds.push(Deed { kind, folder: folder.into(), error });
        }
    }
}

pub(super) fn fix(checkup: &Checkup, watch: &mut dyn FnMut(Progress)) -> Fixed {
    let mut notes = Notes::new(watch);
    let mut fixed = Fixed::default();
    // Whole, since a damaged index would hide tasks, and their files would be taken for strays.
    let database = checkup.examine_database(true, &mut notes);
    let is_unlocked = database.as_ref().is_some_and(Database::is_unlocked);
    fixed.hindrances = notes.take_findings();
    let is_to_be_rewritten =
        fixed.hindrances.iter().any(|finding| finding.code == FindingCode::FreePages && finding.fixable);
    fixed.hindrances.retain(|finding| hinders(finding, is_unlocked));
    let Some(database) = database.filter(|_| fixed.hindrances.is_empty()) else { return fixed };
    let space = Space::of(&database.connection).ok().filter(|_| is_to_be_rewritten);
    let (c, layout) = (&database.connection, checkup.layout());
    let done = publish_left(c, &layout, &mut fixed, &mut notes)
        .and_then(|()| clear_folders(c, &layout, &mut fixed, &mut notes));
    if let Err(fault) = done {
        fixed.hindrances.push(notes::failed("files", &fault));
    }
    drop(database);
    if let Some(space) = space {
        fixed.note(DeedKind::Rewritten, &checkup.database, space::rewrite(&checkup.database, &space));
    }
    fixed
}

/// Whether nothing should be done while that is so.
fn hinders(finding: &Finding, is_unlocked: bool) -> bool {
    finding.severity == Severity::Error
        || match finding.code {
            FindingCode::DatabaseMissing
            | FindingCode::DatabaseEmpty
            | FindingCode::DatabaseOutdated
            | FindingCode::DatabaseBusy
            | FindingCode::CheckFailed => true,
            // What other processes do was not seen.
            FindingCode::ReadOnly => is_unlocked,
            _ => false,
        }
}

/// Publishes tasks whose files are still in the folder of their attempt. Their rows are left to the host.
fn publish_left(
    c: &Connection,
    layout: &Layout,
    fixed: &mut Fixed,
    notes: &mut Notes<'_>,
) -> Result<(), Fault> {
    let mut done = 0;
    each_with_artifacts(c, |task| {
        done += 1;
        let published = layout.published(task);
        if !published.exists()
            && let Known::Task(files) = look(c, task)?
            && files.state == TaskState::Completed
            && artifacts::completed(layout, task, &files, true) == Artifacts::InWork
        {
            let moved = publish(layout, &artifacts::to_publish(task, &files));
            fixed.note(DeedKind::Published, &published, moved);
        }
        notes.tell("artifacts", done);
        Ok(())
    })
}

/// Clears the folders of what does not belong there.
fn clear_folders(
    c: &Connection,
    layout: &Layout,
    fixed: &mut Fixed,
    notes: &mut Notes<'_>,
) -> Result<(), Fault> {
    let strays_may_move =
        !Walk::new(&|task| look(c, task), layout, false, &mut |_| {}).run()?.nothing_known();
    let mut folders = 0;
    // Each folder is dealt with right after its rows were read.
    Walk::new(&|task| look(c, task), layout, true, &mut |oddity| match oddity {
        Some(Oddity::Over { path, .. }) => fixed.note(DeedKind::Deleted, &path, remove_folder(&path)),
        Some(Oddity::Stray { path, within }) if strays_may_move => {
            fixed.note(DeedKind::SetAside, &path, set_aside(layout, &path, within));
        }
        Some(Oddity::TooEarly { path, state, .. }) if state.is_terminal() => {
            fixed.note(DeedKind::SetAside, &path, set_aside(layout, &path, "artifacts"));
        }
        Some(_) => {}
        None => {
            folders += 1;
            notes.tell("files", folders);
        }
    })
    .run()?;
    Ok(())
}
