//! Slow jobs of one type beside a quick one of another.

use std::time::Duration;

use serde_json::json;

use crate::support::{Era, Project};

#[test]
fn a_probe_passes_ninety_sleepers() {
    let project = Project::with_guests(&["sleeper", "trivial"], "[worker]\nstay_behind = false\n");
    let mut client = project.serve(Era::Modern);
    for _ in 0..90 {
        client.enqueue("sleeper", json!({"ms": Duration::from_secs(600).as_millis() as u64}));
    }
    let counts = |client: &mut crate::support::Client| {
        let running = client.tool("list_jobs", json!({"status": "running", "limit": 100}));
        let queued = client.tool("list_jobs", json!({"status": "queued", "limit": 100}));
        [running, queued].map(|list| list["jobs"].as_array().unwrap().len())
    };
    // As many run as may: one slot is kept for the other type, of as many as there are on this machine.
    let mut before = counts(&mut client);
    while before.iter().sum::<usize>() != 90 || before[0] < 49 {
        std::thread::sleep(Duration::from_millis(20));
        before = counts(&mut client);
    }
    let probe = client.enqueue("trivial", json!({}));
    // It answers at once where there is a free slot, and after ten minutes where there is none.
    let status = client.tool("check_job_status", json!({"job_id": probe, "wait_seconds": 10}));
    assert_eq!(status["status"], "completed", "{before:?}: {status}");
    let done = project.json(&["task", "cancel", "--job-type", "sleeper", "--yes", "--json"]);
    assert_eq!(done["matched"], 90, "{done}");
}
