//! Walks through the folders of files and says what does not belong there.
//!
//! The rows of a task are read after its folder was seen, never before: a task's row is always there before its first
//! file is, so a folder without a row belongs to no task, however busy the host is.

use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use longshore_domain::{TaskId, TaskState};

use super::artifacts::{self, Artifacts};
use super::known::{Known, TaskFiles};
use crate::fault::Fault;
use crate::files::layout::Layout;

/// Where strays of the two folders are kept below the folder of strays.
const WORK: &str = "work";
const ARTIFACTS: &str = "artifacts";

/// What does not belong where it is.
#[derive(Debug)]
pub(super) enum Oddity {
    /// The folder of a task that the store does not know, within the folder of that name.
    Stray { path: PathBuf, within: &'static str },
    /// Work of a task that nothing needs any more.
    Over { path: PathBuf, task: TaskId },
    /// The final folder of a task that has not completed.
    TooEarly { path: PathBuf, task: TaskId, state: TaskState },
    /// Something that the host did not put there.
    Unknown { path: PathBuf },
    /// A folder that cannot be looked into.
    Unreadable { path: PathBuf, error: io::Error },
}

/// Folders of tasks that were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Of tasks that the store knows, or knew until it forgot them.
    pub(super) known: u64,
    /// Of those, the ones that it forgot.
    pub(super) pruned: u64,
    pub(super) stray: u64,
}

impl Seen {
    /// Whether the folder seems to belong to another database: it has files, and none of a task of this one.
    pub(super) fn nothing_known(self) -> bool {
        self.stray > 0 && self.known == 0
    }
}

/// The folder of a task, and what was in it before the rows of the task were read.
struct Folder {
    task: TaskId,
    path: PathBuf,
    names: Vec<OsString>,
}

/// A walk through the folders of files.
pub(super) struct Walk<'a> {
    /// Looks a task up in the store.
    look: &'a dyn Fn(TaskId) -> Result<Known, Fault>,
    layout: &'a Layout,
    /// Whether a finished artifact is read whole before its copy in a work folder counts as left over.
    deep: bool,
    seen: Seen,
    visit: &'a mut dyn FnMut(Option<Oddity>),
}

impl<'a> Walk<'a> {
    /// A walk that shows `visit` each folder, and what does not belong as soon as it is found.
    pub(super) fn new(
        look: &'a dyn Fn(TaskId) -> Result<Known, Fault>,
        layout: &'a Layout,
        deep: bool,
        visit: &'a mut dyn FnMut(Option<Oddity>),
    ) -> Self {
        Self { look, layout, deep, seen: Seen::default(), visit }
    }

    pub(super) fn run(mut self) -> Result<Seen, Fault> {
        let layout = self.layout;
        self.each_task(layout.work(), WORK, Self::look_into_work)?;
        self.each_task(layout.artifacts(), ARTIFACTS, Self::look_into_published)?;
        Ok(self.seen)
    }

    fn show(&mut self, oddity: Oddity) {
        (self.visit)(Some(oddity));
    }

    /// Goes through the folders of tasks within a folder, without keeping their names.
    fn each_task(
        &mut self,
        parent: &Path,
        within: &'static str,
        look_into: fn(&mut Self, &Folder, &TaskFiles),
    ) -> Result<(), Fault> {
        let entries = match fs::read_dir(parent) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.show(Oddity::Unreadable { path: parent.into(), error });
                return Ok(());
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.look_at(&entry, within, look_into)?,
                Err(error) => {
                    self.show(Oddity::Unreadable { path: parent.into(), error });
                    return Ok(());
                }
            }
            (self.visit)(None);
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        entry: &DirEntry,
        within: &'static str,
        look_into: fn(&mut Self, &Folder, &TaskFiles),
    ) -> Result<(), Fault> {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(task) = entry.file_name().to_str().and_then(task_of).filter(|_| is_folder) else {
            self.show(Oddity::Unknown { path });
            return Ok(());
        };
        let names = match names(&path) {
            Ok(names) => names,
            // Moved or deleted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.show(Oddity::Unreadable { path, error });
                return Ok(());
            }
        };
        match (self.look)(task)? {
            // Its rows went first and then its files, while we looked.
            Known::Nothing if !path.exists() => {}
            Known::Nothing => {
                self.seen.stray += 1;
                self.show(Oddity::Stray { path, within });
            }
            Known::Pruned => {
                self.seen.known += 1;
                self.seen.pruned += 1;
            }
            Known::Unclear => self.seen.known += 1,
            Known::Task(files) => {
                self.seen.known += 1;
                look_into(self, &Folder { task, path, names }, &files);
            }
        }
        Ok(())
    }

    fn look_into_work(&mut self, folder: &Folder, files: &TaskFiles) {
        let Folder { task, path, names } = folder;
        if files.state == TaskState::Completed {
            // What was not moved, or was damaged after that, may be here only.
            let is_needed = files.unpublished_since.is_some()
                || artifacts::completed(self.layout, *task, files, self.deep) != Artifacts::Whole;
            if !is_needed && path.exists() {
                self.show(Oddity::Over { path: path.clone(), task: *task });
            }
            return;
        }
        for name in names {
            let path = path.join(name);
            // Deleted meanwhile, by the attempt that runs for example.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            match name.to_str().and_then(attempt_of).filter(|_| metadata.is_dir()) {
                None => self.show(Oddity::Unknown { path }),
                Some(attempt) if files.is_over(attempt) => self.show(Oddity::Over { path, task: *task }),
                Some(_) => {}
            }
        }
    }

    fn look_into_published(&mut self, folder: &Folder, files: &TaskFiles) {
        if files.state != TaskState::Completed {
            self.show(Oddity::TooEarly { path: folder.path.clone(), task: folder.task, state: files.state });
            return;
        }
        for name in &folder.names {
            let is_recorded = files.artifacts.iter().any(|artifact| *name == *artifact.name);
            if !is_recorded {
                self.show(Oddity::Unknown { path: folder.path.join(name) });
            }
        }
    }
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// The task whose folder has that name. Other ways to write an id are not ours.
fn task_of(name: &str) -> Option<TaskId> {
    name.parse().ok().filter(|task: &TaskId| task.to_string() == name)
}

/// The attempt whose folder has that name.
fn attempt_of(name: &str) -> Option<u32> {
    name.parse().ok().filter(|number: &u32| number.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_the_host_writes_them_are_its_own() {
        let id = "9b2f6c0e-5a51-4c0b-9d7e-0f2f0b8f3a11";
        assert!(task_of(id).is_some());
        for other in [&id.to_uppercase(), &id.replace('-', ""), &format!("{{{id}}}"), "", "tasks"] {
            assert!(task_of(other).is_none(), "{other}");
        }
        assert_eq!(attempt_of("12"), Some(12));
        for other in ["012", "+1", "-1", "1.bak", "", "99999999999"] {
            assert!(attempt_of(other).is_none(), "{other}");
        }
    }

    /// What a walk shows while the rows of tasks are what `look` says.
    fn shown(layout: &Layout, look: &dyn Fn(TaskId) -> Result<Known, Fault>) -> Vec<String> {
        let mut shown = Vec::new();
        Walk::new(look, layout, false, &mut |oddity| {
            shown.extend(oddity.map(|oddity| format!("{oddity:?}")));
        })
        .run()
        .unwrap();
        shown
    }

    #[test]
    fn rows_are_read_after_the_folder_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (layout, task) = (Layout::new(folder.path()), TaskId::random());
        fs::create_dir_all(layout.published(task)).unwrap();
        assert_eq!(shown(&layout, &|_| Ok(Known::Nothing)).len(), 1);
        assert_eq!(shown(&layout, &|_| Ok(Known::Unclear)).len(), 0);
        // A task that is submitted, run and published now is not looked at before its rows are there.
        let young = TaskId::random();
        let look = |seen| {
            fs::create_dir_all(layout.work_of_task(young)).unwrap();
            assert_eq!(seen, task);
            Ok(Known::Pruned)
        };
        assert_eq!(shown(&layout, &look), [""; 0]);
    }

    #[test]
    fn a_task_that_is_forgotten_meanwhile_is_no_stray() {
        let folder = tempfile::tempdir().unwrap();
        let (layout, task) = (Layout::new(folder.path()), TaskId::random());
        fs::create_dir_all(layout.published(task)).unwrap();
        let look = |task| {
            fs::remove_dir_all(layout.published(task)).unwrap();
            Ok(Known::Nothing)
        };
        assert_eq!(shown(&layout, &look), [""; 0]);
    }
}
