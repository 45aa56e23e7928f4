//! Leaves something behind in its first attempt wherever it can, and looks for it in the second: in memory, in files, in an
//! artifact and in a message that were never saved.

use std::sync::atomic::{AtomicBool, Ordering};

use gallery::JobError;
use gallery::longshore::job::types::RetryRequest;
use gallery::longshore::job::{artifacts, checkpoint, task};

static WAS_HERE: AtomicBool = AtomicBool::new(false);

gallery::guest!("Looks for what its attempt before left behind.", |_| {
    let artifact = artifacts::open("left.txt", "text/plain").map_err(|error| JobError::Failed(error.code))?;
    let found = [
        ("memory", WAS_HERE.swap(true, Ordering::SeqCst)),
        ("a file", std::fs::read("left.txt").is_ok()),
        ("an artifact", artifact.position() > 0),
        ("a checkpoint", checkpoint::load().is_some()),
        ("an instance that was used before", std::env::vars_os().next().is_some()),
    ];
    let found: Vec<&str> =
        found.into_iter().filter_map(|(what, is_there)| is_there.then_some(what)).collect();
    if !found.is_empty() {
        return Err(JobError::Failed(format!("the attempt before left {}", found.join(", "))));
    }
    artifact.write(b"left");
    let _ = std::fs::write("left.txt", "left");
    match task::current().attempt {
        1 => Err(JobError::Retry(RetryRequest { message: "again".into(), after_ms: Some(1) })),
        _ => Ok("{\"found\": []}".into()),
    }
});
