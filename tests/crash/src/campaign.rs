//! The campaign of kills: processes on one project, killed at random instants and at named calls, for some seconds.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use fastrand::Rng;
use serde_json::{Map, Value};

use crate::delivery::{self, Receivers};
use crate::findings::{Findings, Harm};
use crate::jobs::{GUESTS, Jobs};
use crate::kills::Kills;
use crate::ledger::Ledger;
use crate::process::Processes;
use crate::project::{Project, Tools};
use crate::say;
use crate::slot::{End, Slot};
use crate::snapshot::Snapshot;
use crate::{disk, drain, reference, verify};

/// How often is looked whether a process has to die: fine against the life of one, coarse enough to cost nothing.
const TICK: Duration = Duration::from_millis(2);

/// How often whoever waits is told how it goes.
const TELL_SECONDS: u64 = 10;

/// What a campaign is.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) processes: Option<usize>,
}

/// Runs a campaign in `scratch`, and reports.
pub(crate) fn run(plan: &Plan, tools: &Tools, scratch: &Path) -> Result<(Map<String, Value>, Findings)> {
    let mut rng = Rng::with_seed(plan.seed);
    let processes = plan.processes.unwrap_or_else(|| rng.usize(1..=4));
    let running = Arc::new(Processes::default());
    let receivers = Receivers::start(rng.fork(), Arc::clone(&running))?;
    let outlets = receivers.outlets();
    let project = Project::init(&scratch.join("project"), tools, &GUESTS, Some(&outlets))?;
    project.warm_up()?;
    let jobs = Jobs::new(rng.fork(), &project.shop(), tools.stranger.as_ref(), Some(outlets))?;
    let ledger = Arc::new(Ledger::new(jobs, rng.fork(), || 0));
    let slot = |number| Slot::new(number, rng.fork(), Arc::clone(&running));
    let mut slots: Vec<Slot> = (0..processes).map(slot).collect();

    let mut findings = Findings::default();
    let mut kills = Kills::default();
    let started = Instant::now();
    let mut told = 0;
    while started.elapsed() < Duration::from_secs(plan.seconds) {
        for slot in &mut slots {
            match slot.tick(&project, &ledger)? {
                Some(End::ByItself(status)) => {
                    findings.add(Harm::Mismatched, format!("a process ended by itself: {status}"));
                }
                Some(end) => kills.add(&end),
                None => {}
            }
        }
        if started.elapsed().as_secs() / TELL_SECONDS > told {
            told += 1;
            say(&format!("{} kills in {} s", kills.total(), told * TELL_SECONDS));
        }
        thread::sleep(TICK);
    }
    ledger.close();
    receivers.calm();
    for slot in &mut slots {
        if slot.kill() {
            kills.add(&End::AtAnInstant);
        }
    }

    say("letting the project come to rest");
    if !drain::until_idle(&project, processes, true)? {
        findings.add(Harm::Lost, "the project does not come to rest");
    }
    let snapshot = Snapshot::read(&project)?;
    let received = receivers.empty();
    say(&format!("running the same {} tasks undisturbed", snapshot.tasks.len()));
    let undisturbed = reference::run(&project, &scratch.join("reference"))?;
    let (acknowledged, heard) = ledger.result();
    findings.absorb("answers", heard);
    verify::acknowledged(&snapshot, acknowledged.values(), &mut findings);
    verify::at_rest(&snapshot, &mut findings);
    verify::effects(&snapshot, &undisturbed, &mut findings);
    disk::data(&project, &snapshot, &mut findings);
    disk::spool(&project, &snapshot, &mut findings);
    let delivered = delivery::verify(&snapshot, received, &mut findings);
    let mut expected = Findings::default();
    delivery::verify(&undisturbed, receivers.empty(), &mut expected);
    findings.absorb("undisturbed", expected);

    let mut report = Map::new();
    report.insert("seed".into(), plan.seed.into());
    report.insert("seconds".into(), plan.seconds.into());
    report.insert("processes".into(), processes.into());
    kills.report(&mut report);
    report.insert("acknowledged".into(), acknowledged.len().into());
    report.insert("refusals".into(), ledger.refusals().into());
    count(&snapshot, &mut report);
    delivered.report(&mut report);
    Ok((report, findings))
}

/// How much was done, and how often it was taken up again.
fn count(snapshot: &Snapshot, report: &mut Map<String, Value>) {
    let tasks = snapshot.tasks.values();
    report.insert("tasks".into(), snapshot.tasks.len().into());
    report.insert("attempts".into(), tasks.clone().map(|task| task.attempts.len()).sum::<usize>().into());
    let lost = |task: &crate::snapshot::Task| {
        task.attempts.iter().filter(|attempt| attempt.outcome == "worker_lost").count()
    };
    report.insert("attempts_killed".into(), tasks.clone().map(lost).sum::<usize>().into());
    report.insert("artifacts".into(), tasks.clone().map(|task| task.artifacts.len()).sum::<usize>().into());
    report.insert("messages".into(), tasks.map(|task| task.messages.len()).sum::<usize>().into());
}
