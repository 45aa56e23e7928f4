//! Power loss: what one process changes on the disk is recorded, and for many moments a disk is rebuilt as it could be after
//! the power went then. Everything that had been acknowledged has to come to its end from there.

mod disk;
mod file;
mod record;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use serde_json::{Map, Value};

use self::disk::{Disk, Names};
use self::file::Fate;
use self::record::Recorded;
use crate::campaign::Plan;
use crate::findings::{Findings, Harm};
use crate::jobs::{GUESTS, Jobs};
use crate::ledger::{Acknowledged, Ledger};
use crate::project::{Project, Tools};
use crate::snapshot::Snapshot;
use crate::{client, disk as folders, drain, reference, say, verify};

/// How long the recorded process may take to end.
const GOODBYE: Duration = Duration::from_secs(20);

/// What a power loss is tried on.
pub(crate) struct Power {
    /// Moments at which the power goes.
    pub(crate) cuts: usize,
    /// Names reach the disk in their order in every cut.
    pub(crate) journal: bool,
    /// The record knows no syncs: then something has to be found, or the harness is worth nothing.
    pub(crate) forget_syncs: bool,
}

/// Records a process, cuts its power again and again, and reports.
pub(crate) fn run(
    plan: &Plan,
    power: &Power,
    tools: &Tools,
    scratch: &Path,
) -> Result<(Map<String, Value>, Findings)> {
    let mut rng = Rng::with_seed(plan.seed);
    let template = Project::init(&scratch.join("template"), tools, &GUESTS, None)?;
    template.warm_up()?;
    let project = template.sibling(&scratch.join("recorded"))?;
    let record = scratch.join("record");
    let ledger = record_process(plan, power, tools, &project, &record, &mut rng)?;
    ensure!(drain::until_idle(&project, 1, true)?, "the recorded project does not come to rest");
    let undisturbed = reference::run(&project, &scratch.join("reference"))?;
    let (acknowledged, mut findings) = ledger.result();
    let acknowledged: Vec<Acknowledged> = acknowledged.into_values().collect();
    let changes = record::read(&record, project.folder())?;
    ensure!(!changes.is_empty(), "nothing was recorded: the shim is not in the process");

    let mut cuts = 0;
    for cut in 0..power.cuts {
        let at = moment(&changes, &acknowledged, &mut rng);
        let (names, fate) = (draw_names(power, &mut rng), draw_fate(&mut rng));
        let folder = scratch.join(format!("cut-{cut}"));
        let part =
            format!("cut {cut} after change {at} of {}, names {names:?}, data {fate:?}", changes.len());
        let mut disk = Disk::new()?;
        for recorded in &changes[..at] {
            disk.apply(&recorded.change)?;
        }
        let rebuilt = template.sibling(&folder)?;
        disk.write_after_power_loss(&folder, names, fate, &mut rng)?;
        let length = at.checked_sub(1).map_or(0, |last| changes[last].end);
        let promised = acknowledged.iter().filter(|acknowledged| acknowledged.recorded <= length);
        let found = look(&rebuilt, promised, &undisturbed);
        let is_well = found.is_empty();
        say(&format!("{part}: {} found", found.total()));
        findings.absorb(&part, found);
        cuts += 1;
        if is_well {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        } else if power.forget_syncs {
            break;
        }
    }

    let mut report = Map::new();
    report.insert("seed".into(), plan.seed.into());
    report.insert("seconds".into(), plan.seconds.into());
    report.insert("kills".into(), cuts.into());
    report.insert("changes".into(), changes.len().into());
    report.insert("acknowledged".into(), acknowledged.len().into());
    report.insert("tasks".into(), undisturbed.tasks.len().into());
    Ok((report, findings))
}

/// One `serve` with one client, recorded.
fn record_process(
    plan: &Plan,
    power: &Power,
    tools: &Tools,
    project: &Project,
    record: &Path,
    rng: &mut Rng,
) -> Result<Ledger> {
    let file: PathBuf = record.to_owned();
    let length = move || fs::metadata(&file).map_or(0, |metadata| metadata.len());
    let ledger = Arc::new(Ledger::new(
        Jobs::new(rng.fork(), &project.shop(), tools.stranger.as_ref(), None)?,
        rng.fork(),
        length,
    ));
    let mut command = project.command("serve", "recorded")?;
    command.env("LONGSHORE_CRASH_RECORD", record).stdin(Stdio::piped()).stdout(Stdio::piped());
    if power.forget_syncs {
        command.env("LONGSHORE_CRASH_FORGET_SYNCS", "1");
    }
    let mut child = command.spawn().context("longshore serve does not start")?;
    let pipes = child.stdin.take().zip(child.stdout.take()).context("there are no pipes to the server")?;
    let client = {
        let (ledger, rng) = (Arc::clone(&ledger), rng.fork());
        thread::spawn(move || client::submit_until_the_end(pipes.0, pipes.1, rng, &ledger))
    };
    thread::sleep(Duration::from_secs(plan.seconds));
    ledger.close();
    // The client closes the pipe, at which the server ends.
    ensure!(client.join().is_ok(), "the client panicked");
    let closed = Instant::now();
    while child.try_wait()?.is_none() {
        if closed.elapsed() > GOODBYE {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(10));
    }
    Arc::into_inner(ledger).context("the ledger is still in use")
}

/// Before which change the power goes: any, or right where a client has just got a handle, which is when it is owed most
/// and synced least.
fn moment(changes: &[Recorded], acknowledged: &[Acknowledged], rng: &mut Rng) -> usize {
    if rng.bool() && !acknowledged.is_empty() {
        let recorded = acknowledged[rng.usize(0..acknowledged.len())].recorded;
        return changes.partition_point(|change| change.end <= recorded);
    }
    rng.usize(1..=changes.len())
}

fn draw_names(power: &Power, rng: &mut Rng) -> Names {
    // Drawn in any case, so that a seed makes the same cuts with and without a journal.
    if rng.bool() || power.journal { Names::InOrder } else { Names::Alone }
}

fn draw_fate(rng: &mut Rng) -> Fate {
    [Fate::Dropped, Fate::Kept, Fate::Mixed, Fate::Torn(512), Fate::Torn(4096)][rng.usize(0..5)]
}

/// Lets the real program go on from a rebuilt disk, and verifies.
fn look<'a>(
    project: &Project,
    promised: impl Iterator<Item = &'a Acknowledged>,
    undisturbed: &Snapshot,
) -> Findings {
    let mut findings = Findings::default();
    match drain::until_idle(project, 1, true) {
        Ok(true) => {}
        Ok(false) => findings.add(Harm::Lost, "the project does not come to rest"),
        Err(error) => findings.add(Harm::Lost, format!("the project cannot be worked on: {error:#}")),
    }
    match Snapshot::read(project) {
        Ok(snapshot) => {
            verify::acknowledged(&snapshot, promised, &mut findings);
            verify::at_rest(&snapshot, &mut findings);
            verify::effects(&snapshot, undisturbed, &mut findings);
            folders::data(project, &snapshot, &mut findings);
            folders::spool(project, &snapshot, &mut findings);
        }
        Err(error) => findings.add(Harm::Lost, format!("the project cannot be read: {error:#}")),
    }
    findings
}
