//! What an undisturbed run makes of the same tasks.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Result, ensure};
use rusqlite::Connection;

use crate::drain;
use crate::project::Project;
use crate::snapshot::Snapshot;

/// Workers that run them, so that it does not take as long as what disturbed the others.
const WORKERS: usize = 4;

/// Puts the tasks of a project, with their ids and times, into a new one in `folder`, and lets them run undisturbed. So
/// everything has to be equal in the end, down to the ids of messages and the dates in files.
pub(crate) fn run(project: &Project, folder: &Path) -> Result<Snapshot> {
    let reference = project.sibling(folder)?;
    // A server without a client ends at once, and leaves a database.
    let served =
        reference.command("serve", "reference")?.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    ensure!(served.success(), "longshore serve does not make a database in {}", folder.display());
    let store = Connection::open(reference.database())?;
    store.execute("ATTACH ? AS disturbed", [project.database().to_string_lossy()])?;
    store.execute_batch(
        "BEGIN;
         INSERT INTO main.tasks SELECT * FROM disturbed.tasks;
         INSERT INTO main.ready (job_type, rank, seq, attempts, counted, since)
            SELECT job_type, -priority, seq, 0, 0, created_at FROM disturbed.tasks;
         COMMIT;
         DETACH disturbed;",
    )?;
    drop(store);
    ensure!(drain::until_idle(&reference, WORKERS, false)?, "the undisturbed run does not end");
    let snapshot = Snapshot::read(&reference)?;
    // A job that fails undisturbed would make the comparison say nothing.
    for task in snapshot.tasks.values() {
        let end = task.end.as_ref();
        ensure!(
            end.is_some_and(|end| end.state == "completed"),
            "undisturbed, {} {} ends with {:?}",
            task.job_type,
            task.payload,
            end.and_then(|end| end.failure.as_deref())
        );
    }
    Ok(snapshot)
}
