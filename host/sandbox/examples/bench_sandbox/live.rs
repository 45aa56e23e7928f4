//! Attempts that all live at once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longshore_domain::{LiveProgress, RunRequest};
use serde_json::json;
use tokio::task::JoinSet;

use crate::product::{Product, request};

/// How long attempts wait, at most: longer than it takes to begin all of them.
const NAP: Duration = Duration::from_secs(600);

/// The memory that so many attempts take which wait in the host, in MiB.
pub(crate) async fn mib(sleeper: &Path, attempts: usize) -> f64 {
    let product = Product::new(attempts as u32);
    let job = product.load(sleeper).await;
    let before = resident_mib();
    let input = json!({ "ms": NAP.as_millis() as u64, "soundly": true }).to_string();
    let (mut running, mut progress) = (JoinSet::new(), Vec::new());
    for _ in 0..attempts {
        let request = request(&job, &input);
        progress.push(Arc::clone(&request.progress));
        let job = Arc::clone(&job);
        running.spawn(async move { job.program.run(RunRequest { ..request }).await });
    }
    // Each reports once, and sleeps.
    let asleep = |progress: &Arc<LiveProgress>| progress.revision() > 0;
    while !progress.iter().all(asleep) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let after = resident_mib();
    running.abort_all();
    while running.join_next().await.is_some() {}
    after - before
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kib / 1024.0
}
