//! Directories that are granted, and everything beside them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use longshore_domain::{Code, RunReport};
use serde_json::{Value, json};

use crate::support::{Bed, assert_failure, completed, failed};

fn bed(granted: &[&str]) -> Bed {
    let mut bed = Bed::with(|folder, options| {
        let reference = folder.join("reference");
        fs::create_dir_all(reference.join("tariffs")).unwrap();
        fs::write(reference.join("cities.csv"), "Delhi").unwrap();
        fs::write(folder.join("secret"), "hunter2").unwrap();
        symlink(folder.join("secret"), reference.join("leak")).unwrap();
        symlink("..", reference.join("up")).unwrap();
        // Whoever opens it waits for somebody who writes to it.
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let pipe = reference.join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        options.directories.insert("reference".into(), reference);
        options.directories.insert("gone".into(), folder.join("gone"));
        options.scratch_dir = Some(folder.join("scratch"));
    });
    bed.policy.grants.directories = granted.iter().map(ToString::to_string).collect();
    bed
}

async fn run(bed: &Bed, calls: Value) -> RunReport {
    bed.run("files", &json!({"calls": calls})).await
}

async fn answers(bed: &Bed, calls: Value) -> Value {
    serde_json::from_str(&completed(&run(bed, calls).await)).unwrap()
}

/// What is left of the folders that attempts had for themselves.
fn left(bed: &Bed) -> usize {
    fs::read_dir(bed.folder.path().join("scratch")).unwrap().count()
}

#[tokio::test]
async fn without_a_grant_there_are_no_files() {
    let refused = answers(
        &bed(&[]),
        json!([{"list": "/"}, {"read": "/reference/cities.csv"}, {"write": ["/tmp/x", 1]}]),
    )
    .await;
    for answer in refused.as_array().unwrap() {
        assert!(answer.is_string(), "{refused}");
    }
}

#[tokio::test]
async fn a_directory_is_read_and_nothing_else() {
    let bed = bed(&["reference"]);
    let read =
        answers(&bed, json!([{"read": "/reference/cities.csv"}, {"list": "/reference/tariffs"}])).await;
    assert_eq!(read, json!(["Delhi", []]));
    let calls = json!([
        {"write": ["/reference/new", 1]},
        {"write": ["/reference/cities.csv", 1]},
        {"append": ["/reference/cities.csv", 1]},
        {"stretch": ["/reference/cities.csv", 0]},
        {"make_folder": "/reference/new"},
        {"remove": "/reference/cities.csv"},
        {"rename": ["/reference/cities.csv", "/reference/moved"]},
        {"hard_link": ["/reference/cities.csv", "/reference/linked"]},
        {"read": "/reference/../secret"},
        {"read": "/reference/leak"},
        {"read": "/reference/pipe"},
        {"read": "/reference/up/secret"},
        {"list": "/reference/.."},
        {"read": "/etc/passwd"},
        {"write": ["/tmp/x", 1]}
    ]);
    let refused = answers(&bed, calls.clone()).await;
    for (call, answer) in calls.as_array().unwrap().iter().zip(refused.as_array().unwrap()) {
        assert!(answer.is_string() && answer != "hunter2", "{call}: {answer}");
    }
    let reference = bed.folder.path().join("reference");
    assert_eq!(fs::read_to_string(reference.join("cities.csv")).unwrap(), "Delhi");
    assert_eq!(fs::read_dir(reference).unwrap().count(), 5);
}

#[tokio::test]
async fn an_attempt_has_a_folder_of_its_own_that_goes_with_it() {
    let bed = bed(&["tmp"]);
    let calls = json!([
        {"list": "/tmp"},
        {"make_folder": "/tmp/a"},
        {"write": ["/tmp/a/x", 100_000]},
        {"rename": ["/tmp/a/x", "/tmp/y"]},
        {"hard_link": ["/tmp/y", "/tmp/z"]},
        {"list": "/tmp"},
        {"read": "/tmp/../secret"}
    ]);
    let done = answers(&bed, calls.clone()).await;
    assert_eq!((&done[0], &done[5]), (&json!([]), &json!(["a", "y", "z"])));
    assert_ne!(done[6], "hunter2");
    // Nothing is left for the next one.
    assert_eq!(answers(&bed, calls).await, done);
    while left(&bed) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_folder_has_a_limit() {
    let mut bed = bed(&["tmp"]);
    bed.policy.limits.scratch_bytes_max = 1 << 20;
    let much = json!(2 << 20);
    for calls in [
        json!([{"write": ["/tmp/x", much]}]),
        json!([{"write": ["/tmp/x", 1]}, {"append": ["/tmp/x", much]}]),
        json!([{"stretch": ["/tmp/x", much]}]),
        json!([{"make_folders": ["/tmp", 300]}]),
        json!([{"write": ["/tmp/x", 600_000]}, {"write": ["/tmp/y", 600_000]}]),
    ] {
        let failure = failed(run(&bed, calls).await);
        assert_failure(&failure, Code::LimitExceeded, &["1048576 (limits.scratch_bytes_max in files.toml)"]);
    }
    // What was deleted counts: it may still be open.
    let again = json!([{"write": ["/tmp/x", 600_000]}, {"remove": "/tmp/x"}, {"write": ["/tmp/x", 600_000]}]);
    let failure = failed(run(&bed, again).await);
    assert_failure(&failure, Code::LimitExceeded, &["limits.scratch_bytes_max"]);
    bed.policy.limits.scratch_bytes_max = 1 << 30;
    let failure = failed(run(&bed, json!([{"make_folders": ["/tmp", 10_001]}])).await);
    assert_failure(&failure, Code::LimitExceeded, &["files, folders and links", "10000"]);
}

#[tokio::test]
async fn a_directory_that_is_not_there_says_so() {
    let bed = bed(&["gone"]);
    let failure = failed(run(&bed, json!([])).await);
    assert_failure(&failure, Code::StorageFailed, &["\"gone\""]);
    let folder = bed.folder.path().to_string_lossy().into_owned();
    assert!(!failure.message.contains(&folder), "{failure:?}");
    assert!(failure.detail.unwrap().contains(&*Path::new(&folder).join("gone").to_string_lossy()));
}
