//! Whether the rows keep to the rules of the store: each task in one state, and what is repeated repeated rightly.
//!
//! Each step is one statement over a part of a table. So it sees one state of the store however busy that is, and holds
//! back the write-ahead log for the time of a step only.

use std::collections::BTreeSet;
use std::time::Duration;

use longshore_domain::{TaskId, TaskState, Timestamp};
use rusqlite::{Connection, params};

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;
use crate::verbs::digest;

/// Rows in one step.
const STEP: u32 = 2_000;

/// A lease that ends later than this is none that a worker takes: a clock was wrong.
const LEASE_MAX: Duration = Duration::from_hours(24);

/// Misplaced rows of the queue that are remembered, so that their tasks are not reported a second time.
const MISPLACED_MAX: usize = 100_000;

const BY_HAND: &str = "No version of Longshore does this: keep a copy of the database, report it, and put a backup in \
                       its place if jobs are stuck.";

statements! {
    QUEUED = "
        SELECT q.job_type, q.rank, q.seq, t.id, t.job_type, t.rank
        FROM ready AS q
        LEFT JOIN tasks AS t ON t.seq = q.seq
        WHERE (q.job_type, q.rank, q.seq) > (?1, ?2, ?3)
        ORDER BY q.job_type, q.rank, q.seq
        LIMIT ?4";

    SCHEDULED = "
        SELECT s.seq, s.job_type, t.id, t.job_type
        FROM scheduled AS s
        LEFT JOIN tasks AS t ON t.seq = s.seq
        WHERE s.seq > ?1
        ORDER BY s.seq
        LIMIT ?2";

    RUNNING = "
        SELECT r.id, t.seq IS NOT NULL, t.seq = r.seq AND t.job_type = r.job_type, r.lease_until, r.worker, r.attempt
        FROM running AS r
        LEFT JOIN tasks AS t ON t.id = r.id";

    TASKS = "
        SELECT t.seq, t.id, f.seq IS NOT NULL, r.id IS NOT NULL, q.seq IS NOT NULL, s.seq IS NOT NULL,
            f.state, f.owner IS NOT t.owner OR f.job_type IS NOT t.job_type,
            coalesce(f.attempts, q.attempts, s.attempts, r.attempt - 1),
            (SELECT max(number) FROM attempts AS a WHERE a.seq = t.seq),
            c.attempt
        FROM tasks AS t
        LEFT JOIN finished AS f ON f.seq = t.seq
        LEFT JOIN running AS r ON r.id = t.id
        LEFT JOIN ready AS q ON q.job_type = t.job_type AND q.rank = t.rank AND q.seq = t.seq
        LEFT JOIN scheduled AS s ON s.seq = t.seq
        LEFT JOIN checkpoints AS c ON c.seq = t.seq
        WHERE t.seq > ?1
        ORDER BY t.seq
        LIMIT ?2";

    CHECKPOINTS = "
        SELECT c.seq, t.id, c.state, c.sha256
        FROM checkpoints AS c
        CROSS JOIN tasks AS t ON t.seq = c.seq
        WHERE c.seq > ?1
        ORDER BY c.seq
        LIMIT ?2";

    UNPUBLISHED = "
        SELECT u.seq, t.id, f.state
        FROM unpublished AS u
        CROSS JOIN finished AS f ON f.seq = u.seq
        CROSS JOIN tasks AS t ON t.seq = u.seq
        WHERE u.seq > ?1
        ORDER BY u.seq
        LIMIT ?2";
}

/// Checks all rows that belong to tasks' states, if `deep` every byte that jobs saved in them.
pub(super) fn examine(c: &Connection, deep: bool, now: Timestamp, notes: &mut Notes<'_>) {
    let mut misplaced = BTreeSet::new();
    notes.check("queue", |notes| queued(c, &mut misplaced, notes));
    notes.check("schedule", |notes| scheduled(c, notes));
    notes.check("leases", |notes| running(c, now, notes));
    notes.check("tasks", |notes| tasks(c, &misplaced, notes));
    if deep {
        notes.check("checkpoints", |notes| checkpoints(c, notes));
    }
    notes.check("publication", |notes| unpublished(c, notes));
}

fn queued(c: &Connection, misplaced: &mut BTreeSet<i64>, notes: &mut Notes<'_>) -> Result<(), Fault> {
    let mut statement = c.prepare(QUEUED)?;
    let mut last = (String::new(), i64::MIN, i64::MIN);
    let mut done = 0;
    loop {
        let mut rows = statement.query(params![last.0, last.1, last.2, STEP])?;
        let mut step = 0;
        while let Some(row) = rows.next()? {
            step += 1;
            last = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (job_type, rank, seq) = &last;
            let Some(task) = id_or_none(row, 3)? else {
                notes.add(without_task("ready", *seq));
                continue;
            };
            let (own_type, own_rank): (String, i64) = (row.get(4)?, row.get(5)?);
            if own_type == *job_type && own_rank == *rank {
                continue;
            }
            if misplaced.len() < MISPLACED_MAX {
                misplaced.insert(*seq);
            }
            notes.add(if own_type == *job_type {
                Finding::new(
                    FindingCode::RankDiffers,
                    task,
                    format!("The task is queued at rank {rank}, but its own is {own_rank}; it cannot be cancelled or shown."),
                    BY_HAND,
                )
            } else {
                differs(task, format!("The task is queued as job type {job_type}, but it is of type {own_type}."))
            });
        }
        done += u64::from(step);
        notes.tell("queue", done);
        if step < STEP {
            return Ok(());
        }
    }
}

fn scheduled(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    in_steps(c, SCHEDULED, "schedule", notes, |row, notes| {
        match id_or_none(row, 2)? {
            None => notes.add(without_task("scheduled", row.get::<_, i64>(0)?)),
            Some(task) => {
                let (job_type, own): (String, String) = (row.get(1)?, row.get(3)?);
                if job_type != own {
                    notes.add(differs(
                        task,
                        format!("The task is scheduled as job type {job_type}, but it is of type {own}."),
                    ));
                }
            }
        }
        Ok(())
    })
}

fn running(c: &Connection, now: Timestamp, notes: &mut Notes<'_>) -> Result<(), Fault> {
    let mut statement = c.prepare(RUNNING)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let task = columns::task_id(row, 0)?;
        if !row.get::<_, bool>(1)? {
            notes.add(without_task("running", task));
            continue;
        }
        if !row.get::<_, bool>(2)? {
            notes.add(differs(
                task,
                "The running attempt has another number or job type than its task.".into(),
            ));
        }
        let (lease_until, worker) = (columns::time(row, 3)?, columns::worker(row, 4)?);
        let attempt: u32 = row.get(5)?;
        if lease_until <= now {
            notes.add(Finding::new(
                FindingCode::LeaseExpired,
                task,
                format!(
                    "The lease of attempt {attempt} ended at {}: its worker {worker} has given no sign of life since.",
                    lease_until.rfc3339()
                ),
                "Nothing: a worker or server that has the plugin takes the task over, from its last checkpoint; where none has it, the \
                 task goes back into the queue.",
            ));
        } else if lease_until > now.after(LEASE_MAX) {
            notes.add(Finding::new(
                FindingCode::LeaseFarAhead,
                task,
                format!(
                    "Attempt {attempt} is leased until {}: a clock was wrong. If its worker {worker} is gone, nobody takes over before.",
                    lease_until.rfc3339()
                ),
                "Check this machine's clock. If the worker is gone, cancel the job and submit it again.",
            ));
        }
    }
    Ok(())
}

fn tasks(c: &Connection, misplaced: &BTreeSet<i64>, notes: &mut Notes<'_>) -> Result<(), Fault> {
    in_steps(c, TASKS, "tasks", notes, |row, notes| {
        let (seq, task): (i64, TaskId) = (row.get(0)?, columns::task_id(row, 1)?);
        let names = ["finished", "running", "ready", "scheduled"];
        let mut places = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if row.get(2 + index)? {
                places.push(name);
            }
        }
        match places.as_slice() {
            [] if !misplaced.contains(&seq) => notes.add(Finding::new(
                FindingCode::TaskNowhere,
                task,
                "The task is neither queued, scheduled, running nor finished; nobody will ever run or forget it.",
                BY_HAND,
            )),
            [] | [_] => {}
            several => notes.add(Finding::new(
                FindingCode::TaskInSeveralPlaces,
                task,
                format!("The task is in {} at once.", several.join(" and ")),
                BY_HAND,
            )),
        }
        let state: Option<String> = row.get(6)?;
        if state.is_some() && row.get(7)? {
            notes.add(differs(
                task,
                "The finished task has another owner or job type than was submitted.".into(),
            ));
        }
        let (begun, ended): (Option<u32>, Option<u32>) = (row.get(8)?, row.get(9)?);
        if let (Some(begun), Some(ended)) = (begun, ended)
            && ended > begun
        {
            notes.add(Finding::new(
                FindingCode::AttemptNumberUsed,
                task,
                format!("Attempt {ended} of the task has ended, but only {begun} count as begun; the next one could not be recorded."),
                BY_HAND,
            ));
        }
        let saved: Option<u32> = row.get(10)?;
        if saved.is_some() && state.as_deref() == Some("completed") {
            notes.add(Finding::new(
                FindingCode::CheckpointLeft,
                task,
                "The task is completed, but its checkpoint is still there; it takes up space.",
                "Nothing: it goes when the task is forgotten.",
            ));
        }
        Ok(())
    })
}

fn checkpoints(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    in_steps(c, CHECKPOINTS, "checkpoints", notes, |row, notes| {
        if !digest::fits(&row.get::<_, Vec<u8>>(2)?, row.get(3)?) {
            notes.add(Finding::new(
                FindingCode::CheckpointCorrupt,
                columns::task_id(row, 1)?,
                "The state that the task saved was changed since; the task fails when it is taken up again.",
                "Put a backup in place of the database, or submit the job again.",
            ));
        }
        Ok(())
    })
}

fn unpublished(c: &Connection, notes: &mut Notes<'_>) -> Result<(), Fault> {
    in_steps(c, UNPUBLISHED, "publication", notes, |row, notes| {
        let (task, state) = (columns::task_id(row, 1)?, columns::state(row, 2)?);
        if state != TaskState::Completed {
            notes.add(Finding::new(
                FindingCode::UnpublishedUnfinished,
                task,
                format!("The files of the task are to be published, but it is {}.", state.as_str()),
                BY_HAND,
            ));
        }
        Ok(())
    })
}

/// Reads a table by its number, in steps, and shows every row to `look`.
pub(super) fn in_steps(
    c: &Connection,
    sql: &str,
    stage: &'static str,
    notes: &mut Notes<'_>,
    mut look: impl FnMut(&rusqlite::Row<'_>, &mut Notes<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut statement = c.prepare(sql)?;
    let (mut last, mut done) = (i64::MIN, 0);
    loop {
        let mut rows = statement.query(params![last, STEP])?;
        let mut step = 0;
        while let Some(row) = rows.next()? {
            step += 1;
            last = row.get(0)?;
            look(row, notes)?;
        }
        done += u64::from(step);
        notes.tell(stage, done);
        if step < STEP {
            return Ok(());
        }
    }
}

fn id_or_none(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Option<TaskId>> {
    Ok(row.get::<_, Option<[u8; 16]>>(index)?.map(TaskId::from_bytes))
}

fn without_task(table: &str, subject: impl std::fmt::Display) -> Finding {
    Finding::new(
        FindingCode::RowWithoutTask,
        format!("{table} {subject}"),
        format!("A row of {table} belongs to a task that is not there."),
        BY_HAND,
    )
}

fn differs(task: TaskId, message: String) -> Finding {
    Finding::new(FindingCode::RowDiffers, task, message, BY_HAND)
}
