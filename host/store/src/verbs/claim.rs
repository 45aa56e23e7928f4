//! Takes tasks out of the queue and leases them.

use std::collections::VecDeque;

use longshore_domain::{
    AttemptRef, ClaimRequest, Claimed, Event, JobTypeClaim, Progress, SavedCheckpoint, TaskState, Timestamp,
    transition,
};
use rusqlite::{Connection, Row, params};

use super::{artifacts, breaker, digest, pause, places, rate};
use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

statements! {
    RUNNING = "SELECT count(*) FROM running WHERE job_type = ?1";

    NEXT = "
        SELECT q.seq, q.rank, q.attempts, q.counted, q.first_started_at, q.deadline_at,
            t.id, t.owner, t.created_at, t.payload,
            c.attempt, c.saves, c.messages, c.done, c.total, c.message, c.state, c.sha256, q.since
        FROM ready AS q
        CROSS JOIN tasks AS t ON t.seq = q.seq
        LEFT JOIN checkpoints AS c ON c.seq = q.seq
        WHERE q.job_type = ?1 AND (q.deadline_at IS NULL OR q.deadline_at > ?2)
        ORDER BY q.rank, q.seq
        LIMIT ?3";

    LEASE = "
        INSERT INTO running (id, seq, job_type, attempt, counted, lease_until, started_at, first_started_at,
            deadline_at, updated_at, done, total, message, worker, component)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?15, ?10, ?11, ?12, ?13, ?14)";
}

pub(crate) fn claim(c: &Connection, request: &ClaimRequest) -> Result<Vec<Claimed>, Fault> {
    let mut shares = Vec::with_capacity(request.job_types.len());
    for job_type in &request.job_types {
        // One look into a table that is empty most of the time, in the transaction of the claim: once a pause is
        // acknowledged no process starts another task of the job type.
        if pause::since(c, &job_type.name)?.is_some() {
            continue;
        }
        let room = match job_type.concurrency {
            None => u32::MAX,
            Some(concurrency) => concurrency.saturating_sub(running(c, job_type)?),
        };
        let room = room.min(rate::room(c, job_type, request.now)?).min(breaker::room(
            c,
            job_type,
            request.now,
            || running(c, job_type),
        )?);
        shares.push(Share { job_type, room, claimed: VecDeque::new() });
    }
    share_out(c, request, &mut shares)?;
    for share in &shares {
        rate::spend(c, share.job_type, request.now, share.claimed.len() as u32)?;
    }
    Ok(one_of_each_in_turn(shares))
}

/// What one job type gets of a claim.
struct Share<'a> {
    job_type: &'a JobTypeClaim,
    /// How many more of its attempts may start.
    room: u32,
    claimed: VecDeque<Claimed>,
}

impl Share<'_> {
    /// Whether something of the job type ran at the claimant before the claim.
    fn runs(&self, request: &ClaimRequest) -> bool {
        request.kept.running.contains(&self.job_type.name)
    }

    /// Claims up to `wanted` more. A job type that gives fewer has no more to give.
    fn take(&mut self, c: &Connection, request: &ClaimRequest, wanted: u32) -> Result<u32, Fault> {
        let claimed = take(c, request, self.job_type, wanted.min(self.room))?;
        let given = claimed.len() as u32;
        self.room = if given < wanted { 0 } else { self.room - given };
        self.claimed.extend(claimed);
        Ok(given)
    }
}

/// Gives the job types what they would get if they took one task each in turn until the limit is reached, but takes
/// as many at once as they all are sure to get.
fn share_out(c: &Connection, request: &ClaimRequest, shares: &mut [Share<'_>]) -> Result<(), Fault> {
    let mut left = request.limit;
    if request.kept.slots > 0 {
        left -= begin_those_that_run_nothing(c, request, shares)?;
        let without = shares.iter().filter(|share| !share.runs(request) && share.claimed.is_empty()).count();
        left = left.saturating_sub(request.kept.slots.min(without as u32));
    }
    loop {
        let open = shares.iter().filter(|share| share.room > 0).count() as u32;
        if left == 0 || open == 0 {
            return Ok(());
        }
        let each = (left / open).max(1);
        for share in shares.iter_mut().filter(|share| share.room > 0) {
            left -= share.take(c, request, each.min(left))?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// Claims a task of each job type of which nothing runs at the claimant, and says how many that were.
fn begin_those_that_run_nothing(
    c: &Connection,
    request: &ClaimRequest,
    shares: &mut [Share<'_>],
) -> Result<u32, Fault> {
    let mut begun = 0;
    for share in shares.iter_mut().filter(|share| !share.runs(request) && share.room > 0) {
        if begun == request.limit {
            break;
        }
        begun += share.take(c, request, 1)?;
    }
    Ok(begun)
}

fn one_of_each_in_turn(mut shares: Vec<Share<'_>>) -> Vec<Claimed> {
    let mut claimed = Vec::with_capacity(shares.iter().map(|share| share.claimed.len()).sum());
    loop {
        let before = claimed.len();
        claimed.extend(shares.iter_mut().filter_map(|share| share.claimed.pop_front()));
        if claimed.len() == before {
            return claimed;
        }
    }
}

fn running(c: &Connection, job_type: &JobTypeClaim) -> Result<u32, Fault> {
    Ok(c.prepare_cached(RUNNING)?.query_row([job_type.name.as_str()], |row| row.get(0))?)
}

/// A queued task, as it is claimed.
struct Next {
    seq: i64,
    rank: i64,
    claimed: Claimed,
}

/// Claims up to `wanted` tasks of one job type.
fn take(
    c: &Connection,
    request: &ClaimRequest,
    job_type: &JobTypeClaim,
    wanted: u32,
) -> Result<Vec<Claimed>, Fault> {
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let found = c
        .prepare_cached(NEXT)?
        .query_map(params![job_type.name.as_str(), request.now.ms(), wanted], |row| {
            read_next(row, request, job_type)
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut claimed = Vec::with_capacity(found.len());
    for mut next in found {
        transition(TaskState::Queued, Event::Claimed)?;
        places::take_ready(c, next.seq, job_type.name.as_str(), next.rank)?;
        lease(c, request, job_type, &next)?;
        if let Some(checkpoint) = &mut next.claimed.checkpoint {
            checkpoint.artifacts = artifacts::of_task(c, next.seq)?;
        }
        claimed.push(next.claimed);
    }
    Ok(claimed)
}

fn read_next(row: &Row<'_>, request: &ClaimRequest, job_type: &JobTypeClaim) -> rusqlite::Result<Next> {
    let checkpoint = match row.get::<_, Option<u32>>(10)? {
        None => None,
        Some(attempt) => {
            let state: Vec<u8> = row.get(16)?;
            Some(SavedCheckpoint {
                attempt,
                saves: row.get(11)?,
                messages: row.get(12)?,
                progress: columns::progress(row, 13)?,
                is_sound: digest::fits(&state, row.get(17)?),
                state,
                artifacts: Vec::new(),
            })
        }
    };
    let created_at = columns::time(row, 8)?;
    Ok(Next {
        seq: row.get(0)?,
        rank: row.get(1)?,
        claimed: Claimed {
            attempt: AttemptRef { task: columns::task_id(row, 6)?, number: row.get::<_, u32>(2)? + 1 },
            attempts_counted: row.get::<_, u32>(3)? + 1,
            owner: columns::owner(row, 7)?,
            job_type: job_type.name.clone(),
            payload: row.get(9)?,
            created_at,
            queued_at: columns::time(row, 18)?,
            first_started_at: columns::time_or_none(row, 4)?.unwrap_or(request.now.max(created_at)),
            deadline_at: columns::time_or_none(row, 5)?,
            checkpoint,
        },
    })
}

fn lease(c: &Connection, request: &ClaimRequest, job_type: &JobTypeClaim, next: &Next) -> Result<(), Fault> {
    let claimed = &next.claimed;
    let nothing = Progress::default();
    let progress = claimed.checkpoint.as_ref().map_or(&nothing, |checkpoint| &checkpoint.progress);
    c.prepare_cached(LEASE)?.execute(params![
        claimed.attempt.task.as_bytes(),
        next.seq,
        job_type.name.as_str(),
        claimed.attempt.number,
        claimed.attempts_counted,
        request.lease_until.ms(),
        // Not before it was submitted, whatever was done to the clock meanwhile.
        request.now.max(claimed.created_at).ms(),
        claimed.first_started_at.ms(),
        claimed.deadline_at.map(Timestamp::ms),
        progress.done as i64,
        columns::total(progress),
        progress.message,
        request.worker.as_str(),
        job_type.component.as_str(),
        request.now.ms(),
    ])?;
    Ok(())
}
