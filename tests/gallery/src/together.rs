//! All guests at once, in one host: a quick look at how they end.

use std::collections::HashMap;

use longshore_bench::Result;
use longshore_bench::client::Client;
use longshore_bench::machine::{Cpu, forget_peak, peak_mib};
use serde_json::{Value, json};

use crate::alone::ms;
use crate::desk::{Desk, has_ended, job_id};
use crate::guests::{End, Guest};
use crate::intruder::{Ended, ended, eventually, problem, refused};
use crate::project::{Ground, strays};
use crate::report::{Figures, Row};
use crate::{neighbours, rest};

/// Runs the guests and says what came of each. The figures are those of all of them.
pub(crate) fn run(guests: &[&'static Guest], ground: &Ground<'_>) -> Result<Vec<Value>> {
    let cpu = Cpu::now()?;
    let project = ground.project()?;
    for guest in guests {
        ground.add(&project, guest)?;
    }
    let mut client = Client::start(&project, true)?;
    client.wait_until_loaded(neighbours::NAME)?;
    let mut desk = Desk::new(client);
    let mut ends: HashMap<&str, Vec<Ended>> = HashMap::new();
    let types = eventually(&mut desk, |types| {
        guests.iter().all(|guest| is_seen(types, guest)).then(|| types.clone())
    })?;
    for guest in guests {
        // One that should have been refused and is served has no end, which is not what is expected of it.
        let refusal = problem(&types, guest).map(refused);
        ends.insert(guest.name, refusal.into_iter().collect());
    }

    let pid = desk.pid();
    neighbours::warm_up(&mut desk)?;
    let alone_ms = ms(neighbours::work(&mut desk, None)?);
    let before_mib = rest::memory_mib(pid)?;
    forget_peak(pid)?;
    let mut jobs: HashMap<String, &'static Guest> = HashMap::new();
    for guest in guests.iter().filter(|guest| guest.end != End::Refused && problem(&types, guest).is_none()) {
        let job = desk.submit(guest.name)?;
        jobs.insert(job, guest);
    }
    let beside_ms = ms(neighbours::work(&mut desk, None)?);
    for (job, guest) in &jobs {
        if guest.end == End::Cancelled {
            desk.call("cancel_job", &json!({ "job_id": job }))?;
        }
        desk.watch(job)?;
    }
    while !jobs.is_empty() {
        let status = desk.hear()?;
        let job = job_id(&status)?;
        if !has_ended(&status) {
            desk.watch(job)?;
        } else if let Some(guest) = jobs.remove(job) {
            ends.entry(guest.name).or_default().push(ended(&status));
        }
    }
    let mut figures = Figures {
        neighbours_ratio: beside_ms / alone_ms,
        alone_ms,
        beside_ms,
        rss_delta_mib: rest::memory_mib(pid)? - before_mib,
        rss_peak_mib: peak_mib(pid)? - before_mib,
        cpu_after_percent: rest::processor_percent(pid)?,
        foreign_cpu_percent: 0.0,
    };
    desk.stop()?;
    figures.foreign_cpu_percent = cpu.foreign_percent_since()?;
    let strays = strays(&project)?;
    let row = |guest: &&'static Guest| {
        let ends = ends.remove(guest.name).unwrap_or_default();
        Row { guest, ends: &ends, strays: &strays, figures: &figures, codes_only: true }.report()
    };
    Ok(guests.iter().map(row).collect())
}

/// Whether a guest is served, or refused.
fn is_seen(types: &Value, guest: &Guest) -> bool {
    let mut served = types["job_types"].as_array().into_iter().flatten();
    served.any(|job_type| job_type["job_type"] == guest.name) || problem(types, guest).is_some()
}
