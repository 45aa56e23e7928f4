//! Whether the files that are there belong there.

use std::fs;

use rusqlite::Connection;

use super::finding::{Finding, FindingCode};
use super::folders::{Oddity, Seen, Walk};
use super::known::look;
use super::notes::Notes;
use crate::fault::Fault;
use crate::files::layout::Layout;

/// Checks all files below the folder.
pub(super) fn examine(
    c: &Connection,
    layout: &Layout,
    deep: bool,
    notes: &mut Notes<'_>,
) -> Result<(), Fault> {
    let mut folders = 0;
    let seen = Walk::new(&|task| look(c, task), layout, deep, &mut |oddity| {
        if let Some(oddity) = oddity {
            notes.add(finding(&oddity));
        } else {
            folders += 1;
            notes.tell("files", folders);
        }
    })
    .run()?;
    sum_up(layout, seen, notes);
    Ok(())
}

fn sum_up(layout: &Layout, seen: Seen, notes: &mut Notes<'_>) {
    if seen.pruned > 0 {
        notes.add(Finding::new(
            FindingCode::PrunedFiles,
            layout.artifacts().display(),
            format!("There still are {} folders of forgotten tasks.", seen.pruned),
            "Nothing: the host deletes them when it forgets tasks the next time.",
        ));
    }
    if seen.nothing_known() {
        notes.withdraw(FindingCode::StrayFiles);
        notes.add(Finding::new(
            FindingCode::OtherDatabase,
            layout.artifacts().display(),
            format!("None of the {} folders of tasks belongs to a task of this database.", seen.stray),
            "Check `path` and `files` of [store] in longshore.toml: the database may be new, or another one's. If both \
             are right and nobody misses the files, delete them by hand.",
        ));
    }
    let set_aside = fs::read_dir(layout.stray())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|within| fs::read_dir(within.path()).ok())
        .map(Iterator::count)
        .sum::<usize>();
    if set_aside > 0 {
        notes.add(Finding::new(
            FindingCode::SetAside,
            layout.stray().display(),
            format!("An earlier fix set {set_aside} folders of unknown tasks aside."),
            "Delete the folder when nobody misses anything.",
        ));
    }
}

fn finding(oddity: &Oddity) -> Finding {
    match oddity {
        Oddity::Stray { path, .. } => Finding::new(
            FindingCode::StrayFiles,
            path.display(),
            "These are files of a task that the database does not know.",
            "Moves them to the folder `stray` beside, where they can be looked at and deleted.",
        )
        .fixable(),
        Oddity::Over { path, task } => Finding::new(
            FindingCode::WorkLeft,
            path.display(),
            format!("These are work files of the task {task} that nothing needs any more."),
            "Deletes them; otherwise they go when the task is forgotten.",
        )
        .fixable(),
        Oddity::TooEarly { path, task, state } => {
            let finding = |fix: &str| {
                let message = format!(
                    "The files of the task {task} are in their final place, but it is {}.",
                    state.as_str()
                );
                Finding::new(FindingCode::PublishedTooEarly, path.display(), message, fix)
            };
            if state.is_terminal() {
                finding("Moves them to the folder `stray` beside: the end that they are of was undone.")
                    .fixable()
            } else {
                finding(
                    "Nothing: a restored backup or a power loss undid the end that they are of. When the task ends again, the \
                     new files take their place, and these are moved to the folder `stray`.",
                )
            }
        }
        Oddity::Unknown { path } => Finding::new(
            FindingCode::UnknownFile,
            path.display(),
            "Longshore did not put this here, or does not know any more what it is.",
            "Move it away if nobody needs it here.",
        ),
        Oddity::Unreadable { path, error } => Finding::new(
            FindingCode::FilesUnreadable,
            path.display(),
            format!("The folder cannot be read: {error}."),
            "Fix its permissions, or the disk.",
        ),
    }
}
