//! Exports that are interrupted while others write to the source: the file is always that of one snapshot.

#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use export::Export;
use longshore_plugin::JobError;
use longshore_plugin::testing::TestHost;
use serde_json::{Value as Json, json};

/// Wide rows, so that a Parquet file is cut after every ninth.
const TABLES: &str = "
    CREATE TABLE numbered (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, filler BLOB, extra);
    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 24)
        INSERT INTO numbered SELECT i * 10, printf('%c%02d', 65 + i % 2 * 32, i), zeroblob(1000000), i FROM n;
    CREATE TABLE named (name TEXT PRIMARY KEY, filler BLOB, extra, id INTEGER);
    INSERT INTO named SELECT name, filler, extra, id FROM numbered;
    CREATE TABLE keyed (name TEXT COLLATE NOCASE, extra, filler BLOB, id INTEGER, PRIMARY KEY (name DESC, extra))
        WITHOUT ROWID;
    INSERT INTO keyed SELECT name, iif(id % 20, x'01', 'x') || extra, filler, id FROM numbered;
    CREATE TABLE bytes (name TEXT, extra, filler BLOB, id INTEGER, PRIMARY KEY (name, extra)) WITHOUT ROWID;
    INSERT INTO bytes SELECT CAST(x'ff' || name AS TEXT), extra, filler, id FROM numbered;
    CREATE VIEW newest AS SELECT * FROM numbered ORDER BY id DESC;
    CREATE VIEW tied AS SELECT * FROM numbered ORDER BY extra % 3;
    CREATE VIEW plain AS SELECT id, name, filler, extra FROM numbered WHERE extra <> 13;
";

const SOURCES: [&str; 7] = ["numbered", "named", "keyed", "bytes", "newest", "tied", "plain"];

/// What others do between two attempts. `TABLE` is the one that is exported or is behind the view.
const CHANGES: [(&str, &str); 10] = [
    ("nothing", ""),
    ("a row at the end", "INSERT INTO TABLE (id, name, filler, extra) VALUES (999, 'zz', x'01', 99)"),
    ("a row at the start", "INSERT INTO TABLE (id, name, filler, extra) VALUES (1, 'A', x'01', -1)"),
    ("a row in the middle", "INSERT INTO TABLE (id, name, filler, extra) VALUES (125, 'a12x', x'01', 12)"),
    ("an early row gone", "DELETE FROM TABLE WHERE id = 20"),
    ("a late row gone", "DELETE FROM TABLE WHERE id = 230"),
    ("an early row moved to the end", "UPDATE TABLE SET id = 1000, name = 'zzz' WHERE id = 30"),
    ("a late row moved to the start", "UPDATE TABLE SET id = 2, name = 'A' WHERE id = 220"),
    ("another value", "UPDATE TABLE SET filler = x'02' WHERE id = 40"),
    ("another type", "UPDATE TABLE SET filler = 'text' WHERE id = 200"),
];

fn host() -> TestHost {
    TestHost::new().source("shop", TABLES).batches_of(1)
}

fn change(host: &TestHost, table: &str, change: &str) {
    let behind = if ["newest", "tied", "plain"].contains(&table) { "numbered" } else { table };
    host.change("shop", &change.replace("TABLE", behind));
}

fn parquet(table: &str) -> Json {
    json!({ "table": table, "format": "parquet", "file_name": "file" })
}

/// The call at which the n-th save happens, counted from 1.
fn call_of_save(n: usize) -> u32 {
    let stopped = |call: u32| {
        let host = host().stop_after(call);
        assert_eq!(host.run::<Export>(&parquet("numbered")), Err(JobError::Cancelled));
        host.saves()
    };
    (1..100).find(|call| stopped(*call) == n).unwrap()
}

/// What an undisturbed run gives of the data as it is after a change.
fn undisturbed(table: &str, sql: &str, input: &Json) -> (Json, Vec<u8>) {
    let host = host();
    change(&host, table, sql);
    let result = host.run::<Export>(input).unwrap();
    (result, host.artifact("file"))
}

#[test]
fn a_file_is_that_of_one_snapshot_whatever_others_do() {
    let first = call_of_save(1);
    let second = call_of_save(2);
    let stops = [(first, true), (second, false), (second + 2, true)];
    for (table_number, table) in SOURCES.into_iter().enumerate() {
        let input = parquet(table);
        for (change_number, (what, sql)) in CHANGES.into_iter().enumerate() {
            let expected = undisturbed(table, sql, &input);
            let (stop, has_revisions) = stops[(table_number + change_number) % stops.len()];
            let host = if has_revisions { host() } else { host().without_revisions() };
            let host = host.stop_after(stop);
            assert_eq!(host.run::<Export>(&input), Err(JobError::Cancelled));
            assert!(host.saves() > 0);
            change(&host, table, sql);
            let result = host.run::<Export>(&input).unwrap();
            let label = format!("{table} with {what}, stopped at call {stop}: {:?}", host.log());
            assert_eq!(result, expected.0, "{label}");
            assert!(host.artifact("file") == expected.1, "{label}");
        }
    }
}

#[test]
fn changes_at_each_of_many_interruptions() {
    let host = host();
    let input = parquet("newest");
    let stop = call_of_save(1);
    for round in 0..5 {
        let host_stops = |host: &TestHost| host.run::<Export>(&input) == Err(JobError::Cancelled);
        host.set_stop_after(stop);
        assert!(host_stops(&host), "round {round}");
        change(&host, "newest", &format!("INSERT INTO TABLE VALUES (5000 + {round}, 'new', x'05', 5)"));
    }
    host.run::<Export>(&input).unwrap();
    let undisturbed = {
        let host = self::host();
        (0..5).for_each(|round| {
            change(&host, "newest", &format!("INSERT INTO TABLE VALUES (5000 + {round}, 'new', x'05', 5)"));
        });
        host.run::<Export>(&input).unwrap();
        host.artifact("file")
    };
    assert!(host.artifact("file") == undisturbed);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let host = host().stop_after(call_of_save(2));
    let _ = host.run::<Export>(&parquet("numbered"));
    host.run::<Export>(&parquet("numbered")).unwrap();
    assert!(host.log().iter().any(|line| line.contains("the source is as it was")), "{:?}", host.log());
}

#[test]
fn a_table_without_a_key_of_its_own_survives_a_vacuum() {
    let gap = "DELETE FROM named WHERE id = 50;";
    let expected = undisturbed("named", gap, &parquet("named"));
    let host = host();
    host.change("shop", gap);
    let host = host.stop_after(call_of_save(2));
    assert_eq!(host.run::<Export>(&parquet("named")), Err(JobError::Cancelled));
    host.change("shop", "VACUUM");
    assert_eq!(host.run::<Export>(&parquet("named")).unwrap(), expected.0);
    assert!(host.artifact("file") == expected.1);
}

#[test]
fn times_that_come_in_another_form_are_seen() {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT, filler BLOB);
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 24)
            INSERT INTO t SELECT i, printf('2026-03-%02d 10:00:00', i), zeroblob(1000000) FROM n;";
    let input = json!({ "table": "t", "columns": ["id", "filler"], "format": "parquet", "file_name": "file",
        "date_column": "at", "from": "2026-03-02T10:00:00", "to": "2026-03-24T10:00:00" });
    let late = "INSERT INTO t VALUES (30, '2026-03-02T10:00:00', x'01'), (31, '2026-03-24T10:00:00', x'01');";
    let host = TestHost::new().source("shop", sql).batches_of(1).stop_after(40);
    assert_eq!(host.run::<Export>(&input), Err(JobError::Cancelled));
    assert!(host.saves() > 0);
    host.change("shop", late);
    assert_eq!(host.run::<Export>(&input).unwrap()["rows"], 23, "rows 2 to 23, and row 30");
}
