//! The files of tasks: into a backup, and out of one.
//!
//! Jobs go on while files are copied. What a task saved is found wherever it is by then, and compared with its digest; a task
//! that is forgotten meanwhile is forgotten in the backup, too.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use longshore_domain::{AttemptRef, SavedArtifact, TaskId, TaskState};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::BackupError;
use super::copy::sql;
use crate::checkup::known::{Known, TaskFiles, each_with_artifacts, look};
use crate::fault::Fault;
use crate::files::layout::{Layout, check_name, sync_folder};
use crate::files::{saved, set_aside};

const PIECE_BYTES: usize = 256 * 1024;

/// What was copied.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) files: u64,
    pub(super) file_bytes: u64,
    /// What could not be, and why.
    pub(super) missing: Vec<String>,
    /// Whether a task changed what it had saved before that was copied.
    pub(super) changed: bool,
}

/// A file that belongs to a task, and where it is.
struct Wanted<'a> {
    artifact: &'a SavedArtifact,
    /// Where it may be.
    places: Vec<PathBuf>,
}

/// Copies the files of all tasks of the database `copy`, which was copied from `source`, below `to`.
pub(super) fn copy_files(
    source: &Connection,
    copy: &Connection,
    layout: &Layout,
    to: &Path,
) -> Result<Copied, BackupError> {
    copy.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = ON").map_err(sql)?;
    let target = Layout::new(to);
    let mut copied = Copied::default();
    let mut failed = None;
    each_with_artifacts(copy, |task| {
        let Known::Task(files) = look(copy, task)? else { return Ok(()) };
        let Some(folder) = folder_of(&target, task, &files) else { return Ok(()) };
        match copy_task(layout, task, &files, &folder) {
            Ok(bytes) => {
                copied.files += files.artifacts.len() as u64;
                copied.file_bytes += bytes;
            }
            Err(Trouble::Target(error)) => {
                failed.get_or_insert(error);
                return Err(Fault::Contradiction("the backup cannot be written".into()));
            }
            Err(Trouble::Source(why)) => {
                let _ = fs::remove_dir_all(&folder);
                match look(source, task)? {
                    Known::Nothing | Known::Pruned => {
                        copy.execute("DELETE FROM tasks WHERE id = ?1", [task.as_bytes()])?;
                    }
                    now => {
                        copied.changed |= now != Known::Task(files);
                        copied.missing.push(why);
                    }
                }
            }
        }
        Ok(())
    })
    .map_err(|fault| match failed.take() {
        Some(error) => BackupError::file("write", to)(error),
        None => BackupError::Store(fault.into()),
    })?;
    for folder in [target.work(), target.artifacts()].into_iter().filter(|folder| folder.is_dir()) {
        sync_folder(folder).map_err(BackupError::file("sync", folder))?;
    }
    Ok(copied)
}

enum Trouble {
    /// The file is not there, or not what it was.
    Source(String),
    /// The copy cannot be written.
    Target(io::Error),
}

/// Where the files of a task are that it needs, or that it made.
fn folder_of(layout: &Layout, task: TaskId, files: &TaskFiles) -> Option<PathBuf> {
    match (files.state, files.saved_by) {
        (TaskState::Completed, _) => Some(layout.published(task)),
        (_, Some(number)) => Some(layout.work_of_attempt(AttemptRef { task, number })),
        (_, None) => None,
    }
}

fn wanted<'a>(layout: &Layout, task: TaskId, files: &TaskFiles, artifact: &'a SavedArtifact) -> Wanted<'a> {
    let in_work = |number| layout.work_of_attempt(AttemptRef { task, number }).join(&artifact.name);
    let places = match files.saved_by {
        Some(number) if files.state != TaskState::Completed => {
            let attempt = AttemptRef { task, number };
            [Some(in_work(number)), saved::elsewhere(layout, attempt, artifact)]
                .into_iter()
                .flatten()
                .collect()
        }
        // It may be moved between the two looks.
        _ => {
            let published = layout.published(task).join(&artifact.name);
            vec![published.clone(), in_work(files.attempts), published]
        }
    };
    Wanted { artifact, places }
}

fn copy_task(layout: &Layout, task: TaskId, files: &TaskFiles, to: &Path) -> Result<u64, Trouble> {
    fs::create_dir_all(to).map_err(Trouble::Target)?;
    let mut bytes = 0;
    for artifact in &files.artifacts {
        check_name(&artifact.name).map_err(|error| Trouble::Source(error.to_string()))?;
        let Wanted { artifact, places } = wanted(layout, task, files, artifact);
        let path = to.join(&artifact.name);
        let mut why = None;
        let found = places.iter().try_fold(false, |found, place| {
            if found {
                return Ok(true);
            }
            copy_file(place, artifact, &path).map(|problem| {
                let done = problem.is_none();
                why = why.take().or(problem);
                done
            })
        });
        if !found.map_err(Trouble::Target)? {
            return Err(Trouble::Source(format!(
                "{} of job {task}: {}",
                artifact.name,
                why.unwrap_or_default()
            )));
        }
        bytes += artifact.bytes;
    }
    let synced = sync_folder(to).and_then(|()| to.parent().map_or(Ok(()), sync_folder));
    synced.map_err(Trouble::Target)?;
    Ok(bytes)
}

/// Copies what was recorded of the file at `from`. Gives what is wrong with it, or fails if the copy cannot be written.
fn copy_file(from: &Path, artifact: &SavedArtifact, to: &Path) -> io::Result<Option<String>> {
    let mut source = match File::open(from) {
        Ok(file) => file.take(artifact.bytes),
        Err(error) => return Ok(Some(error.to_string())),
    };
    let mut target = File::create(to)?;
    let (mut digest, mut length, mut piece) = (Sha256::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = match source.read(&mut piece) {
            Ok(read) => read,
            Err(error) => return Ok(Some(error.to_string())),
        };
        if read == 0 {
            break;
        }
        digest.update(&piece[..read]);
        length += read as u64;
        target.write_all(&piece[..read])?;
    }
    target.sync_all()?;
    if length != artifact.bytes {
        return Ok(Some(format!("it has {length} bytes, but {} were recorded", artifact.bytes)));
    }
    let found = format!("{:x}", digest.finalize());
    Ok(artifact
        .sha256
        .as_ref()
        .filter(|recorded| **recorded != found)
        .map(|_| "its bytes are not those that were recorded (SHA-256)".into()))
}

/// Copies the files of a backup in the folder `from` to those of the project, for all tasks of the database. What is there
/// already and as it was recorded stays. What is not is left, or with `replace` set aside. Says how many files were copied.
pub(super) fn put_back(
    database: &Connection,
    from: &Layout,
    to: &Layout,
    replace: bool,
) -> Result<u64, BackupError> {
    let mut done = 0;
    let mut failed = None;
    each_with_artifacts(database, |task| {
        let Known::Task(files) = look(database, task)? else { return Ok(()) };
        let (Some(source), Some(target)) = (folder_of(from, task, &files), folder_of(to, task, &files))
        else {
            return Ok(());
        };
        let fits = |artifact: &SavedArtifact| {
            saved::begins_with(&target.join(&artifact.name), artifact).unwrap_or(false)
        };
        if !source.is_dir() || (target.exists() && (!replace || files.artifacts.iter().all(fits))) {
            return Ok(());
        }
        let put = put_folder(from, to, task, &files, &target);
        match put {
            Ok(()) => done += files.artifacts.len() as u64,
            Err(error) => {
                failed.get_or_insert((target, error));
                return Err(Fault::Contradiction("the files cannot be written".into()));
            }
        }
        Ok(())
    })
    .map_err(|fault| match failed.take() {
        Some((path, error)) => BackupError::file("restore", &path)(error),
        None => BackupError::Store(fault.into()),
    })?;
    Ok(done)
}

/// Puts the folder of a task in its place, whole and at once.
fn put_folder(from: &Layout, to: &Layout, task: TaskId, files: &TaskFiles, target: &Path) -> io::Result<()> {
    let part = to.stray().join("restoring");
    let _ = fs::remove_dir_all(&part);
    copy_task(from, task, files, &part).map_err(|trouble| match trouble {
        Trouble::Source(why) => io::Error::new(io::ErrorKind::InvalidData, why),
        Trouble::Target(error) => error,
    })?;
    if target.exists() {
        set_aside(to, target, "replaced")?;
    }
    let parent = target.parent().unwrap_or(target);
    fs::create_dir_all(parent)?;
    fs::rename(&part, target)?;
    sync_folder(parent)?;
    let _ = fs::remove_dir(to.stray());
    Ok(())
}
