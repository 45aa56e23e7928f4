//! Lists tasks, newest first, page by page.
//!
//! Each index that serves lists holds its tasks in runs: within one owner and job type (and end state), or one job
//! type and rank of the queue, they are in the order of their submission. A page is the newest of the newest of each
//! run that the filter lets in. So two indexes serve owner, job type and state, however long the history, and what a list
//! costs grows with the number of runs only. What else a filter asks for is looked up task by task, so many a page at most.

use longshore_domain::{Code, Owner, Page, TaskFilter, TaskState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::get;
use crate::fault::Fault;
use crate::readers::snapshot;
use crate::statements::statements;

/// Tasks on one page at most.
const PAGE_MAX: u32 = 1_000;

/// Tasks that are looked at for one page, where no index has what the filter asks for: the snapshot must not last.
const LOOKED_AT_MAX: u32 = 20_000;

statements! {
    ALL = "SELECT seq FROM tasks WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";

    NEXT_OWNER = "SELECT owner FROM tasks WHERE owner > ?1 ORDER BY owner LIMIT 1";

    NEXT_JOB_TYPE = "SELECT job_type FROM tasks WHERE owner = ?1 AND job_type > ?2 ORDER BY job_type LIMIT 1";

    RUN = "
        SELECT seq FROM tasks INDEXED BY tasks_listing
        WHERE owner = ?1 AND job_type = ?2 AND seq < ?3
        ORDER BY seq DESC LIMIT ?4";

    FINISHED_RUN = "
        SELECT seq FROM finished INDEXED BY finished_listing
        WHERE state = ?5 AND owner = ?1 AND job_type = ?2 AND seq < ?3
        ORDER BY seq DESC LIMIT ?4";

    FITS = "
        SELECT 1
        FROM tasks AS t
        LEFT JOIN finished AS f ON f.seq = t.seq
        WHERE t.seq = ?1 AND (?2 IS NULL OR t.created_at >= ?2) AND (?3 IS NULL OR t.created_at < ?3)
            AND (?4 IS NULL OR t.schedule = ?4) AND (?5 IS NULL OR f.failure_code = ?5)";

    NEXT_QUEUE = "SELECT job_type FROM ready WHERE job_type > ?1 ORDER BY job_type LIMIT 1";

    NEXT_RANK = "SELECT rank FROM ready WHERE job_type = ?1 AND rank > ?2 ORDER BY rank LIMIT 1";

    QUEUED_RUN = "
        SELECT q.seq
        FROM ready AS q
        CROSS JOIN tasks AS t ON t.seq = q.seq
        WHERE q.job_type = ?2 AND q.rank = ?5 AND q.seq < ?3 AND (?1 IS NULL OR t.owner = ?1)
        ORDER BY q.seq DESC LIMIT ?4";

    SCHEDULED = "
        SELECT s.seq
        FROM scheduled AS s
        CROSS JOIN tasks AS t ON t.seq = s.seq
        WHERE s.seq < ?3 AND (?1 IS NULL OR t.owner = ?1) AND (?2 IS NULL OR s.job_type = ?2)
        ORDER BY s.seq DESC LIMIT ?4";

    /// A scan of `running`, which is as small as the number of attempts that may run at once.
    RUNNING = "
        SELECT r.seq
        FROM running AS r
        CROSS JOIN tasks AS t ON t.seq = r.seq
        WHERE r.seq < ?3 AND (?1 IS NULL OR t.owner = ?1) AND (?2 IS NULL OR r.job_type = ?2)
        ORDER BY r.seq DESC LIMIT ?4";
}

/// A page of tasks.
pub(crate) fn list(c: &Connection, filter: &TaskFilter) -> Result<Page, Fault> {
    let before = match &filter.after {
        None => i64::MAX,
        Some(marker) => read_marker(marker)?,
    };
    let limit = filter.limit.clamp(1, PAGE_MAX);
    snapshot(c, |c| {
        // One more than asked for, to know whether there is a next page.
        let wanted = limit as usize + 1;
        let (mut found, end) = if is_in_an_index(filter) {
            (newest(c, filter, before, wanted)?, None)
        } else {
            fitting(c, filter, before, wanted)?
        };
        let next = if found.len() == wanted {
            found.pop();
            found.last().copied()
        } else {
            end
        };
        let tasks = found.into_iter().map(|seq| get::summary(c, seq)).collect::<Result<_, _>>()?;
        Ok(Page { tasks, next: next.map(marker) })
    })
}

/// Whether the indexes have all that the filter asks for.
const fn is_in_an_index(filter: &TaskFilter) -> bool {
    filter.code.is_none()
        && filter.created_from.is_none()
        && filter.created_before.is_none()
        && filter.schedule.is_none()
}

/// The newest `wanted` tasks before `before` that the indexes let in, newest first.
fn newest(c: &Connection, filter: &TaskFilter, before: i64, wanted: usize) -> Result<Vec<i64>, Fault> {
    let mut newest = numbers(c, filter, before, wanted as u32)?;
    newest.sort_unstable_by(|one, other| other.cmp(one));
    newest.truncate(wanted);
    Ok(newest)
}

/// The newest `wanted` of those that also fit the rest of the filter, and the last one that was looked at where there are
/// more to look at.
fn fitting(
    c: &Connection,
    filter: &TaskFilter,
    mut before: i64,
    wanted: usize,
) -> Result<(Vec<i64>, Option<i64>), Fault> {
    let mut found = Vec::new();
    for _ in 0..LOOKED_AT_MAX / PAGE_MAX {
        let step = newest(c, filter, before, PAGE_MAX as usize)?;
        for seq in &step {
            if fits(c, filter, *seq)? {
                found.push(*seq);
                if found.len() == wanted {
                    return Ok((found, None));
                }
            }
        }
        match step.last() {
            Some(last) if step.len() == PAGE_MAX as usize => before = *last,
            _ => return Ok((found, None)),
        }
    }
    Ok((found, Some(before)))
}

fn fits(c: &Connection, filter: &TaskFilter, seq: i64) -> Result<bool, Fault> {
    Ok(c.prepare_cached(FITS)?.exists(params![
        seq,
        filter.created_from.map(Timestamp::ms),
        filter.created_before.map(Timestamp::ms),
        filter.schedule,
        filter.code.map(Code::as_str),
    ])?)
}

fn marker(seq: i64) -> String {
    format!("s{seq:x}")
}

fn read_marker(marker: &str) -> Result<i64, Fault> {
    let seq = marker.strip_prefix('s').and_then(|digits| i64::from_str_radix(digits, 16).ok());
    seq.ok_or(Fault::NoSuchPage)
}

/// Numbers of tasks that the filter lets in, among them the `limit` newest before `before`, in any order.
fn numbers(c: &Connection, filter: &TaskFilter, before: i64, limit: u32) -> Result<Vec<i64>, Fault> {
    let owner = filter.owner.as_ref().map(Owner::as_str);
    let job_type = filter.job_type.as_ref().map(longshore_domain::JobTypeName::as_str);
    match filter.state {
        None if owner.is_none() && job_type.is_none() => column(c, ALL, params![before, limit]),
        None => in_runs(c, owner, job_type, |owner, job_type| {
            column(c, RUN, params![owner, job_type, before, limit])
        }),
        Some(state) if state.is_terminal() => in_runs(c, owner, job_type, |owner, job_type| {
            column(c, FINISHED_RUN, params![owner, job_type, before, limit, state.as_str()])
        }),
        Some(TaskState::Queued) => in_queues(c, job_type, |job_type, rank| {
            column(c, QUEUED_RUN, params![owner, job_type, before, limit, rank])
        }),
        Some(TaskState::Scheduled) => column(c, SCHEDULED, params![owner, job_type, before, limit]),
        Some(TaskState::Running) => column(c, RUNNING, params![owner, job_type, before, limit]),
        Some(_) => Ok(Vec::new()),
    }
}

/// What `read` gives for each pair of owner and job type that the filter lets in.
fn in_runs(
    c: &Connection,
    owner: Option<&str>,
    job_type: Option<&str>,
    read: impl Fn(&str, &str) -> Result<Vec<i64>, Fault>,
) -> Result<Vec<i64>, Fault> {
    let mut numbers = Vec::new();
    for owner in one_or_each(owner, |last| text(c, NEXT_OWNER, [last]))? {
        for job_type in one_or_each(job_type, |last| text(c, NEXT_JOB_TYPE, [owner.as_str(), last]))? {
            numbers.extend(read(&owner, &job_type)?);
        }
    }
    Ok(numbers)
}

/// What `read` gives for each pair of job type and rank in the queue.
fn in_queues(
    c: &Connection,
    job_type: Option<&str>,
    read: impl Fn(&str, i64) -> Result<Vec<i64>, Fault>,
) -> Result<Vec<i64>, Fault> {
    let mut numbers = Vec::new();
    for job_type in one_or_each(job_type, |last| text(c, NEXT_QUEUE, [last]))? {
        let mut last = i64::MIN;
        while let Some(rank) = c
            .prepare_cached(NEXT_RANK)?
            .query_row(params![job_type, last], |row| row.get::<_, i64>(0))
            .optional()?
        {
            numbers.extend(read(&job_type, rank)?);
            last = rank;
        }
    }
    Ok(numbers)
}

/// The one that is wanted, or each that there is: `next` gives the first after another.
fn one_or_each(
    wanted: Option<&str>,
    next: impl Fn(&str) -> Result<Option<String>, Fault>,
) -> Result<Vec<String>, Fault> {
    if let Some(wanted) = wanted {
        return Ok(vec![wanted.to_owned()]);
    }
    let mut each: Vec<String> = Vec::new();
    while let Some(found) = next(each.last().map_or("", String::as_str))? {
        each.push(found);
    }
    Ok(each)
}

fn text(c: &Connection, sql: &str, params: impl Params) -> Result<Option<String>, Fault> {
    Ok(c.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?)
}

fn column(c: &Connection, sql: &str, params: impl Params) -> Result<Vec<i64>, Fault> {
    let mut statement = c.prepare_cached(sql)?;
    let numbers = statement.query_map(params, |row| row.get(0))?;
    Ok(numbers.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back() {
        for seq in [1, 255, i64::MAX] {
            assert_eq!(read_marker(&marker(seq)).unwrap(), seq);
        }
        for bad in ["", "s", "12", "sxyz"] {
            assert!(read_marker(bad).is_err(), "{bad:?} was taken");
        }
    }
}
