//! Each guest by itself, in a host of its own.

use std::time::Duration;

use longshore_bench::Result;
use longshore_bench::client::Client;
use longshore_bench::machine::{Cpu, forget_peak, peak_mib};
use longshore_bench::stats;
use serde_json::Value;

use crate::desk::Desk;
use crate::guests::{End, Guest};
use crate::intruder::Intruder;
use crate::project::{Ground, strays};
use crate::report::{Figures, Row};
use crate::{neighbours, rest};

/// Runs a guest beside good tasks, in that many rounds, and says what came of it.
pub(crate) fn run(guest: &'static Guest, ground: &Ground<'_>, rounds: usize) -> Result<Value> {
    let cpu = Cpu::now()?;
    let project = ground.project()?;
    if guest.end != End::Refused {
        ground.add(&project, guest)?;
    }
    let mut client = Client::start(&project, true)?;
    client.wait_until_loaded(neighbours::NAME)?;
    if guest.end != End::Refused {
        client.wait_until_loaded(guest.name)?;
    }
    let mut desk = Desk::new(client);
    neighbours::warm_up(&mut desk)?;
    let pid = desk.pid();
    // Before the guest was ever there: what its first visit leaves behind counts, too.
    let before_mib = rest::memory_mib(pid)?;
    forget_peak(pid)?;

    let mut intruder = Intruder::new(guest, ground, &project);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(ms(neighbours::work(&mut desk, None)?));
        intruder.come(&mut desk)?;
        beside.push(ms(neighbours::work(&mut desk, Some(&mut intruder))?));
        intruder.leave(&mut desk)?;
    }
    // Of each round by itself: what else the machine does meets both halves of one, and changes from one to the next.
    let ratios: Vec<f64> = alone.iter().zip(&beside).map(|(alone, beside)| beside / alone).collect();
    let mut figures = Figures {
        neighbours_ratio: stats::median(&ratios),
        alone_ms: stats::median(&alone),
        beside_ms: stats::median(&beside),
        rss_delta_mib: rest::memory_mib(pid)? - before_mib,
        rss_peak_mib: peak_mib(pid)? - before_mib,
        cpu_after_percent: rest::processor_percent(pid)?,
        foreign_cpu_percent: 0.0,
    };
    let ends = std::mem::take(&mut intruder.ends);
    desk.stop()?;
    figures.foreign_cpu_percent = cpu.foreign_percent_since()?;
    Ok(Row { guest, ends: &ends, strays: &strays(&project)?, figures: &figures, codes_only: false }.report())
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
