//! Each guest by itself, in a host of its own.

use std::time::Duration;

use longshore_bench::Result;
use longshore_bench::client::Client;
use longshore_bench::machine::{forget_peak, peak_mib};
use longshore_bench::stats;
use serde_json::Value;

use crate::desk::Desk;
use crate::guests::{End, Guest};
use crate::intruder::Intruder;
use crate::project::{Ground, strays};
use crate::report::{Figures, Row};
use crate::{neighbours, rest};

/// Batches of good tasks before anything is measured, after which the database and its caches have the size that they keep.
const WARM_UP: usize = 3;

/// Runs a guest beside good tasks, in that many rounds, and says what came of it.
pub(crate) fn run(guest: &'static Guest, ground: &Ground<'_>, rounds: usize) -> Result<Value> {
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
    for _ in 0..WARM_UP {
        neighbours::work(&mut desk, None)?;
    }
    let pid = desk.pid();
    // Before the guest was ever there: what its first visit leaves behind counts, too.
    let before_mib = rest::memory_mib(pid)?;
    forget_peak(pid)?;

    let mut intruder = Intruder::new(guest, ground, &project);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    // By turns, so that whatever else the machine does meets both alike.
    for _ in 0..rounds {
        alone.push(ms(neighbours::work(&mut desk, None)?));
        intruder.come(&mut desk)?;
        beside.push(ms(neighbours::work(&mut desk, Some(&mut intruder))?));
        intruder.leave(&mut desk)?;
    }
    let figures = Figures {
        alone_ms: stats::median(&alone),
        beside_ms: stats::median(&beside),
        rss_delta_mib: rest::memory_mib(pid)? - before_mib,
        rss_peak_mib: peak_mib(pid)? - before_mib,
        cpu_after_percent: rest::processor_percent(pid)?,
    };
    let ends = std::mem::take(&mut intruder.ends);
    desk.stop()?;
    Ok(Row { guest, ends: &ends, strays: &strays(&project)?, figures: &figures, codes_only: false }.report())
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
