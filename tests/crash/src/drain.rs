//! Lets a project come to rest: workers that nobody kills, until nothing is left to do.

use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags};

use crate::project::Project;

/// For how long less and less has to be left to do; what is still there after as long without is lost.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often is looked, and how long sweepers have once there is nothing to do.
const LOOK: Duration = Duration::from_millis(100);
const SWEEP: Duration = Duration::from_millis(1_500);
/// How long a worker may take to end.
const GOODBYE: Duration = Duration::from_secs(15);

/// Workers that are ended with the value.
pub(crate) struct Workers(Vec<Child>);

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts `count` workers and ends them once nothing is left to do. Says whether that came to be. With `later`, their clock
/// is ahead, so that they need not wait for what killed processes held.
pub(crate) fn until_idle(project: &Project, count: usize, later: bool) -> Result<bool> {
    let mut workers = Workers(Vec::new());
    for _ in 0..count {
        let mut command =
            if later { project.later("worker", "drain") } else { project.command("worker", "drain") }?;
        workers.0.push(command.spawn().context("a worker does not start")?);
    }
    let (mut least, mut since) = (i64::MAX, Instant::now());
    while least > 0 && since.elapsed() < PATIENCE {
        thread::sleep(LOOK);
        // A database that is not there yet, or busy, says nothing.
        if let Ok(left) = left_to_do(project)
            && left < least
        {
            (least, since) = (left, Instant::now());
        }
        if !workers.0.iter_mut().any(is_running) {
            break;
        }
    }
    thread::sleep(SWEEP);
    for child in &mut workers.0 {
        if !is_running(child) {
            continue;
        }
        Command::new("kill").arg("-TERM").arg(child.id().to_string()).status()?;
    }
    let asked = Instant::now();
    while asked.elapsed() < GOODBYE && workers.0.iter_mut().any(is_running) {
        thread::sleep(LOOK / 10);
    }
    Ok(least == 0)
}

fn is_running(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}

fn left_to_do(project: &Project) -> rusqlite::Result<i64> {
    let store = Connection::open_with_flags(project.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    store.query_row(
        "SELECT (SELECT count(*) FROM ready) + (SELECT count(*) FROM scheduled) + (SELECT count(*) FROM running)
            + (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM unpublished)",
        [],
        |row| row.get(0),
    )
}
