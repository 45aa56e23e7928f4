//! Reading data sources.

use std::path::Path;

use longshore_domain::Code;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Bed, assert_failure};

/// A bed whose source `shop` has a table of `rows` orders.
fn bed(rows: u32) -> Bed {
    let mut bed = Bed::with(|folder, options| {
        let path = folder.join("shop.db");
        fill(&path, rows);
        options.sources.insert("shop".into(), path);
    });
    bed.policy.grants.data = vec!["shop".into()];
    bed
}

fn fill(path: &Path, rows: u32) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = wal;
             CREATE TABLE orders(id INTEGER PRIMARY KEY, city TEXT, total REAL, note BLOB);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO orders SELECT i, CASE i % 2 WHEN 0 THEN 'Delhi' ELSE 'पुणे' END, i * 0.25, NULL FROM n;"
        ))
        .unwrap();
}

fn query(sql: &str, params: Value, max_rows: u32, packed: bool) -> Value {
    json!({"query": {"source": "shop", "sql": sql, "params": params, "max_rows": max_rows, "packed": packed}})
}

#[tokio::test]
async fn both_forms_give_the_same_rows() {
    let bed = bed(1_000);
    let sql =
        "SELECT id, city, total, note, CAST(x'ff' AS TEXT) AS odd FROM orders WHERE id > ? AND city <> ?";
    let answers = bed
        .probe(json!([
            query(sql, json!([10, "nowhere"]), 7, false),
            query(sql, json!([10, "nowhere"]), 7, true),
            query(sql, json!([10, "nowhere"]), 1_000_000, true)
        ]))
        .await;
    assert_eq!(
        answers[0]["columns"],
        json!([["id", "INTEGER"], ["city", "TEXT"], ["total", "REAL"], ["note", "BLOB"], ["odd", null]])
    );
    assert_eq!(answers[0]["rows"][0], json!([11, "पुणे", 2.75, null, {"blob": [255]}]));
    assert_eq!(answers[0]["rows"].as_array().unwrap().len(), 990);
    assert_eq!(answers[1]["rows"], answers[0]["rows"]);
    assert_eq!(answers[2]["rows"], answers[0]["rows"]);
    assert!(answers[1]["batches"].as_array().unwrap().iter().all(|rows| rows.as_u64().unwrap() <= 7));
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let bed = bed(3);
    for sql in [
        "DELETE FROM orders",
        "INSERT INTO orders VALUES (9, 'x', 1, NULL) RETURNING id",
        "CREATE TABLE t(a)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "ATTACH 'other.db' AS other",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = delete",
        "PRAGMA journal_mode",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_journal_mode",
        "BEGIN",
        "VACUUM INTO 'copy.db'",
        "SELECT 1; SELECT 2",
        "",
        "-- nothing",
        "SELECT * FROM nowhere",
        "SELECT ? + ?",
    ] {
        let answers = bed.probe(json!([query(sql, json!([1]), 10, true)])).await;
        assert_eq!(answers[0]["code"], "query_failed", "{sql}: {answers}");
        assert!(!answers[0]["message"].as_str().unwrap().is_empty(), "{sql}");
    }
    let answers = bed
        .probe(json!([
            query("SELECT name, type FROM sqlite_schema", json!([]), 10, true),
            query("SELECT name, type FROM pragma_table_xinfo('orders')", json!([]), 10, true),
            query("WITH t(a) AS (SELECT count(*) FROM orders) SELECT a FROM t;  ", json!([]), 10, true),
            query("SELECT nope FROM orders", json!([]), 10, true)
        ]))
        .await;
    assert_eq!(answers[0]["rows"], json!([["orders", "table"]]));
    assert_eq!(answers[1]["rows"][1], json!(["city", "TEXT"]));
    assert_eq!(answers[2]["rows"], json!([[3]]));
    assert!(answers[3]["message"].as_str().unwrap().contains("no such column: nope"), "{answers}");
}

#[tokio::test]
async fn an_error_in_the_middle_comes_after_the_rows_before_it() {
    let bed = bed(500);
    let sql = "SELECT CASE WHEN id < 300 THEN id ELSE abs(-9223372036854775807 - 1) END FROM orders";
    let answers = bed.probe(json!([query(sql, json!([]), 100, true)])).await;
    assert_eq!(answers[0]["code"], "query_failed");
    assert!(answers[0]["message"].as_str().unwrap().contains("integer overflow"), "{answers}");
}

#[tokio::test]
async fn an_empty_result_has_columns_and_no_rows() {
    let answers =
        bed(1).probe(json!([query("SELECT id FROM orders WHERE id < 0", json!([]), 5, false)])).await;
    assert_eq!(answers[0], json!({"columns": [["id", "INTEGER"]], "rows": [], "batches": []}));
}

#[tokio::test]
async fn many_rows_pass_in_bounded_batches() {
    let mut bed = bed(200_000);
    // The probe gives its blobs back as lists of numbers.
    bed.policy.limits.result_bytes_max = 16 << 20;
    let answers = bed
        .probe(json!([
            {"count": {"source": "shop", "sql": "SELECT id, city, total FROM orders"}},
            query("SELECT zeroblob(400000) FROM orders LIMIT 5", json!([]), 100, true)
        ]))
        .await;
    let texts = 100_000 * "Delhi".len() + 100_000 * "पुणे".len();
    assert_eq!(answers[0], json!({"rows": 200_000, "cells": 600_000, "bytes": texts}));
    assert_eq!(answers[1]["batches"], json!([1, 1, 1, 1, 1]), "rows above the batch size come one by one");
}

#[tokio::test]
async fn cursors_are_counted() {
    let bed = bed(10_000);
    let cursors =
        |count| json!({"cursors": {"source": "shop", "sql": "SELECT id FROM orders", "count": count}});
    assert_eq!(bed.probe(json!([cursors(16)])).await, json!([16]));
    let failure = bed.probe_fails(json!([cursors(17)])).await;
    assert_failure(&failure, Code::LimitExceeded, &["16 (limits.cursors_max in probe.toml)"]);
    // Dropped ones do not count.
    let one_by_one: Vec<Value> = (0..40).map(|_| query("SELECT 1", json!([]), 1, true)).collect();
    assert_eq!(bed.probe(Value::Array(one_by_one)).await.as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn what_a_job_holds_of_the_host_is_counted() {
    let mut bed = bed(10);
    (bed.policy.limits.cursors_max, bed.policy.limits.resources_max) = (100, 20);
    let cursors = json!([{"cursors": {"source": "shop", "sql": "SELECT id FROM orders", "count": 30}}]);
    let failure = bed.probe_fails(cursors).await;
    assert_failure(&failure, Code::LimitExceeded, &["20 (limits.resources_max in probe.toml)"]);
}

#[tokio::test]
async fn a_query_ends_with_its_attempt() {
    let mut bed = bed(10);
    bed.policy.limits.timeout_ms = 200;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let failure = bed.probe_fails(json!([query(sql, json!([]), 1, true)])).await;
    assert_failure(&failure, Code::Timeout, &["limits.timeout_ms"]);
    // The reader is free again once its query has noticed: the next one does not wait behind it either way.
    bed.policy.limits.timeout_ms = 60_000;
    assert_eq!(bed.probe(json!([query("SELECT 1", json!([]), 1, true)])).await[0]["rows"], json!([[1]]));
}

#[tokio::test]
async fn a_source_that_is_replaced_is_read_anew() {
    let bed = bed(3);
    let count = json!([query("SELECT count(*) FROM orders", json!([]), 1, true)]);
    assert_eq!(bed.probe(count.clone()).await[0]["rows"], json!([[3]]));
    let new = bed.folder.path().join("new.db");
    fill(&new, 5);
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(bed.folder.path().join(format!("shop.db{suffix}")));
    }
    std::fs::rename(new, bed.folder.path().join("shop.db")).unwrap();
    assert_eq!(bed.probe(count).await[0]["rows"], json!([[5]]));
}
