//! Queries run in a process that ends with their attempt.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use longshore_domain::Code;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Bed, assert_failure};

/// A program that stands for the host's: it runs `child_that_reads` in this test's own binary.
fn reader(folder: &Path) -> PathBuf {
    let program = folder.join("reader");
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = serve-queries ] || exit 9\nexec {} --exact --ignored queries::child_that_reads\n",
        test.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Not a test: what `reader` runs.
#[test]
#[ignore = "it is run by a test as its child process"]
fn child_that_reads() {
    // Whoever runs all that is ignored gives it no socket.
    if std::env::var_os("CARGO_MANIFEST_DIR").is_none() {
        longshore_sandbox::query_child().unwrap();
    }
}

/// A bed whose source `shop` has orders and indexes for full text, and whose queries have that time.
fn bed(query_timeout_ms: u64) -> Bed {
    let mut bed = Bed::with(|folder, options| {
        let path = folder.join("shop.db");
        let schema = "CREATE TABLE orders(id INTEGER PRIMARY KEY, city TEXT);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
            INSERT INTO orders SELECT i, 'Delhi' FROM n;
            CREATE VIRTUAL TABLE five USING fts5(body); CREATE VIRTUAL TABLE four USING fts4(body);
            INSERT INTO five SELECT replace(hex(zeroblob(200000)), '00', 'a ');
            INSERT INTO four SELECT body FROM five;
            CREATE TABLE documents AS
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
            SELECT json_group_object('k' || i, i) AS o FROM n;";
        Connection::open(&path).unwrap().execute_batch(schema).unwrap();
        options.sources.insert("shop".into(), path);
        options.reader = Some(reader(folder));
    });
    bed.policy.grants.data = vec!["shop".into()];
    bed.policy.limits.query_timeout_ms = query_timeout_ms;
    bed
}

fn query(sql: &str) -> Value {
    json!({"query": {"source": "shop", "sql": sql, "params": [], "max_rows": 1_000, "packed": true}})
}

fn list(count: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(separator)
}

const PATCH: &str = "SELECT length(json_patch(o, o)) FROM documents";

/// Steps that take minutes at sizes which every limit allows. Those of functions grow with the square of their input; the
/// others are no functions at all.
fn endless_steps() -> Vec<(&'static str, String)> {
    vec![
        ("json_patch", PATCH.into()),
        ("jsonb_patch", "SELECT length(jsonb_patch(o, o)) FROM documents".into()),
        (
            "json_set",
            format!(
                "SELECT length(json_set(o, {})) FROM documents",
                list(490, ", ", |n| format!("'$.k{}', 'a longer one'", 199_999 - n))
            ),
        ),
        (
            "unhex",
            "SELECT unhex(p, p || '-') FROM (SELECT replace(hex(zeroblob(2000000)), '00', 'ü-') AS p)".into(),
        ),
        (
            "a plan",
            format!(
                "SELECT count(*) FROM {} WHERE {}",
                list(64, ", ", |n| format!("orders AS t{n}")),
                list(64, " AND ", |n| format!("t{n}.id = t{}.id", (n * 7 + 3) % 64))
            ),
        ),
        (
            "code for a CASE",
            format!(
                "SELECT CASE id {} END FROM orders",
                list(200_000, " ", |n| format!("WHEN {n} THEN {n}"))
            ),
        ),
        ("fts5", format!("SELECT count(*) FROM five WHERE five MATCH 'NEAR({}, 100000)'", "a ".repeat(400))),
        ("fts4", format!("SELECT count(*) FROM four WHERE four MATCH '\"{}\"'", "a ".repeat(2_000))),
    ]
}

/// Processes that read for this one, or wait to.
fn readers() -> Vec<u32> {
    let is_ours = |pid: &u32| {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let status = String::from_utf8_lossy(&read("status")).into_owned();
        let parent = format!("PPid:\t{}\n", std::process::id());
        status.contains(&parent) && !read("cmdline").is_empty()
    };
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(is_ours).collect()
}

/// Threads of readers that work on a query.
fn threads_at_work() -> usize {
    let of_process = |pid: u32| {
        // It may end in this very moment.
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        threads.map(name).filter(|name| name.trim_end() == "longshore-data").count()
    };
    readers().into_iter().chain([std::process::id()]).map(of_process).sum()
}

/// Waits until nobody works on a query any more. A process that was killed is gone a moment later.
async fn all_readers_end() {
    let since = Instant::now();
    while threads_at_work() > 0 {
        assert!(since.elapsed() < Duration::from_secs(10), "{} threads work on", threads_at_work());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_of_a_query_outlives_its_time_or_its_attempt() {
    let bed = bed(250);
    for (what, sql) in endless_steps() {
        let failure = bed.probe_fails(json!([query(&sql)])).await;
        assert_failure(&failure, Code::LimitExceeded, &["250", "limits.query_timeout_ms"]);
        assert!(!failure.message.is_empty(), "{what}");
        all_readers_end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_hostile_cursors_end_with_their_attempt() {
    let mut bed = bed(60_000);
    bed.policy.limits.timeout_ms = 1_500;
    // The first rows come at once, and the step that does not end while nobody waits for it.
    let numbers = list(100, ",", |n| n.to_string());
    let sql = format!("SELECT value FROM json_each('[{numbers}]') UNION ALL {PATCH}");
    let cursors = json!({"cursors": {"source": "shop", "sql": sql, "count": 15}});
    let failure = bed.probe_fails(json!([cursors, query(PATCH)])).await;
    assert_failure(&failure, Code::Timeout, &["1500"]);
    all_readers_end().await;
    // Another attempt finds nothing of them in its way.
    bed.policy.limits.timeout_ms = 60_000;
    assert_eq!(bed.probe(json!([query("SELECT 1")])).await[0]["rows"], json!([[1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_end_well_leave_their_process_to_the_next() {
    let bed = bed(60_000);
    let rows = bed.probe(json!([query("SELECT id FROM orders WHERE id < 3")])).await;
    assert_eq!(rows[0]["rows"], json!([[1], [2]]));
    let first = readers();
    assert_eq!(first.len(), 1);
    assert_eq!(bed.probe(json!([query("SELECT 1")])).await[0]["rows"], json!([[1]]));
    assert_eq!(readers(), first);
    // One that ended while it was idle is replaced, and nobody notices.
    let pid = rustix::process::Pid::from_raw(first[0].cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(bed.probe(json!([query("SELECT 2")])).await[0]["rows"], json!([[2]]));
    assert!(readers() != first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_start_is_an_error_of_the_source() {
    let mut bed = Bed::with(|folder, options| {
        options.sources.insert("shop".into(), folder.join("shop.db"));
        options.reader = Some(folder.join("nowhere"));
    });
    bed.policy.grants.data = vec!["shop".into()];
    let answer = bed.probe(json!([query("SELECT 1")])).await;
    assert_eq!(answer[0]["code"], "source_unavailable");
    assert!(answer[0]["message"].as_str().unwrap().contains("does not start"), "{answer}");
}
