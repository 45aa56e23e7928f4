//! The server at rest: what memory it holds when nothing runs, and whether it does nothing then.

use std::time::{Duration, Instant};

use longshore_bench::Result;
use longshore_bench::machine::{processor_ticks, resident_mib};

/// How long memory may go on changing after the last job has ended.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);
/// A change between two looks that is none.
const STILL_MIB: f64 = 0.1;
/// How long it has to stay unchanged: the server looks once a second whether there is memory to give back.
const STILL: Duration = Duration::from_millis(1_200);

/// Waits until the server's memory has stopped changing, and gives it in MiB.
pub(crate) fn memory_mib(pid: u32) -> Result<f64> {
    let began = Instant::now();
    let mut still = (resident_mib(pid)?, began);
    loop {
        std::thread::sleep(LOOK);
        let now = resident_mib(pid)?;
        if (now - still.0).abs() > STILL_MIB {
            still = (now, Instant::now());
        }
        if still.1.elapsed() > STILL || began.elapsed() > PATIENCE {
            return Ok(now);
        }
    }
}

/// The share of one processor that the server uses while it has nothing to do.
pub(crate) fn processor_percent(pid: u32) -> Result<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let (began, ticks) = (Instant::now(), processor_ticks(pid)?);
    std::thread::sleep(LOOK * 2);
    let used = (processor_ticks(pid)? - ticks) / TICKS_PER_SECOND;
    Ok(100.0 * used / began.elapsed().as_secs_f64())
}
