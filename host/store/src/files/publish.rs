//! Moves the artifacts of a completed task to their final place.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use longshore_domain::{ArtifactRecord, AttemptRef, Look, Unpublished};

use super::check::check;
use super::layout::{Layout, at, check_name, remove_folder, sync_folder};
use super::set_aside;

/// Moves the folder of the attempt that completed the task to `artifacts/TASK`, whole and at once, so that nobody ever
/// sees a part of it. Can be killed anywhere and repeated, also by several processes at once.
pub(crate) fn publish(layout: &Layout, unpublished: &Unpublished) -> io::Result<()> {
    let task = unpublished.task;
    let work = layout.work_of_task(task);
    let published = layout.published(task);
    let folder = layout.work_of_attempt(AttemptRef { task, number: unpublished.attempt });
    if published.is_dir() && folder.is_dir() && prepare(&folder, &unpublished.artifacts).is_ok() {
        // The end of the task was recorded before, and undone by a restored backup. Each end is one rename, so otherwise
        // only one of the two folders is there.
        set_aside(layout, &published, "replaced")?;
    }
    if !unpublished.artifacts.is_empty() && !published.is_dir() {
        match prepare(&folder, &unpublished.artifacts).and_then(|()| {
            let parent = layout.create_artifacts()?;
            fs::rename(&folder, &published)
                .map_err(|error| at("publish the artifacts in", &folder, &error))?;
            sync_folder(parent)
        }) {
            // Another process was faster.
            Err(_) if published.is_dir() => sync_folder(layout.create_artifacts()?)?,
            done => done?,
        }
    }
    if !work.is_dir() {
        return Ok(());
    }
    // Whoever asked for this notes next that it is done, and then nobody would look for a folder that came back.
    remove_folder(&work)?;
    layout.sync_work_removed()
}

/// Checks that the folder holds what was recorded, and removes what was not.
fn prepare(folder: &Path, artifacts: &[ArtifactRecord]) -> io::Result<()> {
    let mut names = BTreeSet::new();
    for ArtifactRecord { artifact, .. } in artifacts {
        check_name(&artifact.name)?;
        let path = folder.join(&artifact.name);
        check(&path, artifact, Look::Length)?;
        names.insert(artifact.name.as_str());
    }
    for entry in fs::read_dir(folder).map_err(|error| at("read the folder", folder, &error))? {
        let entry = entry.map_err(|error| at("read the folder", folder, &error))?;
        if !entry.file_name().to_str().is_some_and(|name| names.contains(name)) {
            fs::remove_file(entry.path()).map_err(|error| at("remove", &entry.path(), &error))?;
        }
    }
    Ok(())
}
