//! Deletes what an attempt wrote that came to nothing.

use std::fs::{self, File};
use std::io;

use longshore_domain::{AttemptRef, SavedArtifact};

use super::layout::{Layout, at, remove_folder};

/// Cuts the files of an attempt back to what its last save recorded: a successor copies no more of them than that.
pub(super) fn abandon(layout: &Layout, attempt: AttemptRef, kept: &[SavedArtifact]) -> io::Result<()> {
    let folder = layout.work_of_attempt(attempt);
    if kept.is_empty() {
        remove_folder(&folder)?;
        // The folder of the task, if nothing else is in it.
        let _ = fs::remove_dir(layout.work_of_task(attempt.task));
        return Ok(());
    }
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| at("read the folder", &folder, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| at("read the folder", &folder, &error))?;
        let path = entry.path();
        let saved = kept.iter().find(|artifact| entry.file_name() == *artifact.name.as_str());
        let done = match saved {
            None => fs::remove_file(&path),
            Some(artifact) => cut(&path, artifact.bytes),
        };
        match done {
            // Whoever took the task over has done more than this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|error| at("cut back", &path, &error))?,
        }
    }
    Ok(())
}

fn cut(path: &std::path::Path, bytes: u64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    if file.metadata()?.len() > bytes { file.set_len(bytes) } else { Ok(()) }
}
