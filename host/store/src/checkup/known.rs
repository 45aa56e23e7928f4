//! What the store knows of a task that bears on its files.

use longshore_domain::{SavedArtifact, TaskId, TaskState, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns;
use crate::fault::Fault;
use crate::readers::snapshot;
use crate::statements::statements;
use crate::verbs::{artifacts, places};

statements! {
    IS_PRUNED = "SELECT count(*) > 0 FROM pruned WHERE id = ?1";

    SAVED_BY = "SELECT attempt FROM checkpoints WHERE seq = ?1";

    UNPUBLISHED_SINCE = "
        SELECT f.finished_at FROM unpublished AS u CROSS JOIN finished AS f ON f.seq = u.seq WHERE u.seq = ?1";

    /// The next tasks that have artifacts.
    WITH_ARTIFACTS = "
        SELECT t.seq, t.id FROM tasks AS t
        WHERE t.seq > ?1 AND EXISTS (SELECT 1 FROM artifacts AS a WHERE a.seq = t.seq)
        ORDER BY t.seq
        LIMIT ?2";
}

/// What the store knows of a task that bears on its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    Nothing,
    /// It was forgotten, and its files are to be deleted by whoever prunes.
    Pruned,
    /// There is a task, but its rows do not say what it is. Its files are best left alone.
    Unclear,
    /// There is a task.
    Task(TaskFiles),
}

/// A task, as far as its files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskFiles {
    pub(crate) state: TaskState,
    /// The number of the last attempt that began.
    pub(crate) attempts: u32,
    /// The attempt whose folder has what was saved last.
    pub(crate) saved_by: Option<u32>,
    /// When it ended, if its files still have to be moved to their final place.
    pub(crate) unpublished_since: Option<Timestamp>,
    pub(crate) artifacts: Vec<SavedArtifact>,
}

impl TaskFiles {
    /// Whether the folder of an attempt is not needed any more. Once it is, it is for ever: the numbers of attempts are
    /// used once, and only the one that runs saves.
    pub(crate) fn is_over(&self, attempt: u32) -> bool {
        let last =
            if self.state == TaskState::Running { self.attempts.saturating_sub(1) } else { self.attempts };
        // A number beyond those that began is of a claim that a power loss undid. It will be given out again.
        attempt <= last && self.saved_by != Some(attempt)
    }
}

/// Tasks that are read at once.
const STEP: u32 = 500;

/// Visits all tasks that have artifacts, step by step: none is kept in memory, and no read lasts for long.
pub(crate) fn each_with_artifacts(
    c: &Connection,
    mut visit: impl FnMut(TaskId) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut last = i64::MIN;
    loop {
        let tasks: Vec<(i64, TaskId)> = c
            .prepare_cached(WITH_ARTIFACTS)?
            .query_map(params![last, STEP], |row| Ok((row.get(0)?, columns::task_id(row, 1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, task) in &tasks {
            last = *seq;
            visit(*task)?;
        }
        if tasks.len() < STEP as usize {
            return Ok(());
        }
    }
}

/// Looks a task up; all of it as it is at one moment.
pub(crate) fn look(c: &Connection, task: TaskId) -> Result<Known, Fault> {
    snapshot(c, |c| {
        let place = match places::locate(c, None, task) {
            Ok(Some(place)) => place,
            Ok(None) => {
                let is_pruned: bool =
                    c.prepare_cached(IS_PRUNED)?.query_row([task.as_bytes()], |row| row.get(0))?;
                return Ok(if is_pruned { Known::Pruned } else { Known::Nothing });
            }
            // It is the rows that cannot be understood, not SQLite that could not read them.
            Err(Fault::Sql(error)) if error.sqlite_error_code().is_none() => return Ok(Known::Unclear),
            Err(fault) => return Err(fault),
        };
        Ok(Known::Task(TaskFiles {
            state: place.state,
            attempts: place.history.attempts,
            saved_by: c.prepare_cached(SAVED_BY)?.query_row([place.seq], |row| row.get(0)).optional()?,
            unpublished_since: c
                .prepare_cached(UNPUBLISHED_SINCE)?
                .query_row([place.seq], |row| columns::time(row, 0))
                .optional()?,
            artifacts: artifacts::of_task(c, place.seq)?,
        }))
    })
}
