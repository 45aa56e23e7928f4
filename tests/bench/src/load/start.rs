//! How soon a server answers, and how much memory it holds when it does nothing.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Map;

use super::project::Project;
use super::{Client, Result, stats};

/// Median time from spawn to the first answer, after a start that warmed the compile cache.
pub(crate) fn start_ms(project: &Project, starts: usize) -> Result<f64> {
    let mut client = Client::start(project, true)?;
    client.wait_until_loaded()?;
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
    client.wait_until_loaded()?;
    std::thread::sleep(Duration::from_secs(1));
    let status = fs::read_to_string(format!("/proc/{}/status", client.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    client.stop()?;
    Ok(kib / 1024.0)
}
