//! From the kill of a process to the moment at which another one goes on with its jobs.

use std::time::{Duration, Instant};

use longshore_bench::Result;
use longshore_bench::client::{self, Client};
use longshore_bench::counter;
use longshore_bench::program::say;
use longshore_bench::project::Project;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::args::Args;

/// Jobs that the killed process runs.
const JOBS: usize = 10;
/// Their steps: they must not end before the kill, and soon after they went on.
const STEPS: u64 = 400;
const REST_MS: u64 = 20;
/// A recovery that takes longer is none.
const LOST: Duration = Duration::from_secs(120);

/// The seconds of `kills` kills, with that lease or the default one.
pub(crate) fn seconds(args: &Args, lease_ms: Option<u64>, kills: usize) -> Result<Vec<f64>> {
    let worker = lease_ms.map(|ms| format!("lease_ms = {ms}")).unwrap_or_default();
    let project = Project::with_worker(&args.longshore, &args.plugins, &worker)?;
    let named = lease_ms.map_or_else(|| "the default lease".to_owned(), |ms| format!("a lease of {ms} ms"));
    (1..=kills)
        .map(|kill| {
            // A lease is renewed in regular turns. Kills at different moments of a turn find more or less of it left.
            let later = Duration::from_millis(230) * kill as u32;
            let seconds = beside_another(&project, later)?;
            say(&format!("recovery with {named}, kill {kill} of {kills}: {seconds:.2} s"));
            Ok(seconds)
        })
        .collect()
}

/// The seconds of `kills` kills after each of which another process is started.
pub(crate) fn of_restarts(args: &Args, kills: usize) -> Result<Vec<f64>> {
    let project = Project::with_worker(&args.longshore, &args.plugins, "")?;
    (1..=kills)
        .map(|kill| {
            let seconds = one(&project, Duration::from_millis(230) * kill as u32, None)?;
            say(&format!("recovery by a restart, kill {kill} of {kills}: {seconds:.2} s"));
            Ok(seconds)
        })
        .collect()
}

fn beside_another(project: &Project, later: Duration) -> Result<f64> {
    let mut alive = Client::start(project, true)?;
    alive.wait_until_loaded(counter::NAME)?;
    one(project, later, Some(alive))
}

/// The time of one kill, beside a process that is alive, or one that is started then.
fn one(project: &Project, later: Duration, alive: Option<Client>) -> Result<f64> {
    let mut victim = Client::start(project, true)?;
    victim.wait_until_loaded(counter::NAME)?;
    let database = Connection::open_with_flags(project.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;

    let mut jobs = Vec::new();
    for _ in 0..JOBS {
        let accepted = victim.call_tool(counter::NAME, &counter::arguments(STEPS, REST_MS))?;
        jobs.push(client::task_id(&accepted)?.to_owned());
    }
    wait_until("all jobs saved something", || {
        let saved: i64 = database.query_row(SAVED, [], |row| row.get(0))?;
        Ok(saved as usize == JOBS)
    })?;
    std::thread::sleep(later);
    // Whoever is asked for a job usually runs it itself, but need not.
    let lost = attempts_of(&database, &victim)?;
    if lost.len() < JOBS / 2 {
        return Err(format!("the process that is to be killed runs {} of {JOBS} jobs", lost.len()).into());
    }

    let killed = Instant::now();
    victim.kill()?;
    let mut alive = alive.map_or_else(|| Client::start(project, true), Ok)?;
    wait_until("all jobs went on", || {
        lost.iter().try_fold(true, |so_far, lost| Ok(so_far && went_on(&database, lost)?))
    })?;
    let seconds = killed.elapsed().as_secs_f64();

    for job in jobs {
        let asked = json!({ "job_id": job, "wait_seconds": 30 });
        let status = alive.call_tool("check_job_status", &asked)?["structuredContent"].take();
        if let Some(fault) = counter::fault(&status, STEPS) {
            return Err(fault.into());
        }
    }
    alive.stop()?;
    Ok(seconds)
}

/// Running tasks that have saved something.
const SAVED: &str = "SELECT count(*) FROM running AS r JOIN checkpoints AS c ON c.seq = r.seq";

/// A task, and the attempt of it that a process runs.
struct Attempt {
    task: i64,
    number: i64,
}

fn attempts_of(database: &Connection, process: &Client) -> Result<Vec<Attempt>> {
    let mut running = database.prepare("SELECT seq, attempt FROM running WHERE worker LIKE ?1")?;
    let attempts = running.query_map([format!("serve-{}-%", process.pid())], |row| {
        Ok(Attempt { task: row.get(0)?, number: row.get(1)? })
    })?;
    Ok(attempts.collect::<rusqlite::Result<_>>()?)
}

/// Whether a later attempt has saved. A claim alone shows that somebody means to run the task, a save that it runs.
fn went_on(database: &Connection, lost: &Attempt) -> Result<bool> {
    let mut saved = database.prepare_cached("SELECT attempt > ?2 FROM checkpoints WHERE seq = ?1")?;
    Ok(saved.query_row([lost.task, lost.number], |row| row.get(0))?)
}

fn wait_until(what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_so()? {
        if began.elapsed() > LOST {
            return Err(format!("waited for two minutes until {what}").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
