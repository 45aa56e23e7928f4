//! How long a client waits for the durable handle when it submits one task after the other.

use std::time::Instant;

use longshore_bench::Result;
use longshore_bench::client::{self, Client};
use longshore_bench::project::Project;
use serde_json::json;

/// The times of `count` submissions, in milliseconds.
pub(crate) fn accept_ms(project: &Project, count: usize) -> Result<Vec<f64>> {
    let mut client = Client::start(project, true)?;
    client.wait_until_loaded("trivial")?;
    for _ in 0..count / 10 {
        client.call_tool("trivial", &json!({}))?;
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        let accepted = client.call_tool("trivial", &json!({}))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        client::task_id(&accepted)?;
    }
    client.stop()?;
    Ok(times)
}
