//! How soon a server answers, and how much memory it holds when it does nothing.

use std::time::{Duration, Instant};

use longshore_bench::client::Client;
use longshore_bench::machine::resident_mib;
use longshore_bench::project::Project;
use longshore_bench::{Result, stats};
use serde_json::Map;

/// Median time from spawn to the first answer, after a start that warmed the compile cache.
pub(crate) fn start_ms(project: &Project, starts: usize) -> Result<f64> {
    let mut client = Client::start(project, true)?;
    client.wait_until_loaded("trivial")?;
    client.stop()?;

    let mut times = Vec::new();
    for _ in 0..starts {
        let started = Instant::now();
        let mut client = Client::start(project, true)?;
        client.call("server/discover", Map::new())?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        client.stop()?;
    }
    Ok(stats::median(&times))
}

/// Resident memory, with the job type loaded and a moment to settle.
pub(crate) fn idle_rss_mib(project: &Project) -> Result<f64> {
    let mut client = Client::start(project, true)?;
    client.wait_until_loaded("trivial")?;
    std::thread::sleep(Duration::from_secs(1));
    let resident = resident_mib(client.pid())?;
    client.stop()?;
    Ok(resident)
}
