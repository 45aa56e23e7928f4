//! Checks how SQLite finds what each statement asks for. A statement that scans or sorts is slow only once there is a
//! history, which is when it is too late to notice.

use rusqlite::Connection;

use super::all_statements;
use crate::migrations::migrate;

/// Statements that scan or sort on purpose, and what. Each reads a table that is as small as the number of attempts
/// that may run at once, or of live tasks where a figure of all of them is asked for.
const ON_PURPOSE: &[(&str, &[&str])] = &[
    ("lease::LOST", &["SCAN r", "USE TEMP B-TREE FOR ORDER BY"]),
    // As many as are to be sent again, which is all of them.
    ("letters::ALL_TO_DELIVER", &["SCAN outbox USING INDEX outbox_dead"]),
    ("letters::REVIVE_ALL", &["SCAN outbox USING INDEX outbox_dead"]),
    ("schedule::BRING_FORWARD", &["SCAN scheduled"]),
    ("list::RUNNING", &["SCAN r", "USE TEMP B-TREE FOR ORDER BY"]),
    ("counts::QUEUED", &["SCAN ready"]),
    ("counts::RUNNING", &["SCAN running USING COVERING INDEX running_job_type"]),
    ("counts::SCHEDULED", &["SCAN scheduled", "USE TEMP B-TREE FOR GROUP BY"]),
    // All of them, which are as many as somebody has paused.
    ("pause::ALL", &["SCAN paused"]),
    // In the order of the key, from its beginning, as far as the limit.
    ("publication::UNPUBLISHED", &["SCAN u"]),
    // In any order, as far as the limit.
    ("prune::PRUNED", &["SCAN pruned"]),
    // All of them, in the order of the index.
    ("schedules::OF_EVERYBODY", &["SCAN schedules USING INDEX schedules_name"]),
    // A checkup reads everything, in steps.
    ("schedule::RANK_DELAYED", &["SCAN s"]),
    ("schedule::RANK_QUEUED", &["SCAN q"]),
    ("schedule::BRING_QUEUED_FORWARD", &["SCAN ready"]),
    ("schedule::BRING_MESSAGES_FORWARD", &["SCAN deliveries"]),
    ("checkup::clock::WAITING", &["SCAN s"]),
    ("checkup::clock::MESSAGES", &["SCAN d"]),
    ("checkup::clock::SCHEDULES", &["SCAN schedules"]),
    ("checkup::messages::DEAD", &["SCAN outbox USING COVERING INDEX outbox_dead"]),
    ("checkup::rows::RUNNING", &["SCAN r USING INDEX running_job_type"]),
];

/// The plans of the statements that every task passes through, word for word.
const EXPECTED: &str = include_str!("plans.txt");

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for index in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(index, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get(3).unwrap());
    }
    lines
}

fn migrated() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection).unwrap();
    connection
}

#[test]
fn no_statement_scans_or_sorts_but_on_purpose() {
    assert_no_scan_or_sort(&migrated());
}

/// Statistics that were gathered while a table was empty must not make it look cheap to scan.
#[test]
fn statistics_do_not_turn_plans_into_scans() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    crate::fill_history(&path, 3_000).unwrap();
    let connection = Connection::open(&path).unwrap();
    let hot = "
        INSERT INTO ready (job_type, rank, seq, attempts, counted, since) VALUES ('a', 0, 1, 0, 0, 0);
        INSERT INTO scheduled (seq, job_type, due_at, attempts, counted, since) VALUES (2, 'a', 0, 0, 0, 0);";
    connection.execute_batch(hot).unwrap();
    connection.execute_batch("ANALYZE").unwrap();
    // A store that opens the file forgets them.
    drop(crate::SqliteStore::open(&path, crate::StoreOptions::default()).unwrap());
    assert_no_scan_or_sort(&Connection::open(&path).unwrap());
}

fn assert_no_scan_or_sort(connection: &Connection) {
    for (name, sql) in all_statements() {
        let allowed =
            ON_PURPOSE.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, lines)| *lines);
        for line in plan(connection, sql) {
            let costly = line.starts_with("SCAN") || line.contains("TEMP B-TREE");
            assert!(!costly || allowed.contains(&line.as_str()), "{name}: {line}");
        }
    }
}

#[test]
fn every_plan_is_the_one_that_was_reviewed() {
    use std::fmt::Write as _;

    let connection = migrated();
    let mut plans = String::new();
    for (name, sql) in all_statements() {
        writeln!(plans, "{name}").unwrap();
        for line in plan(&connection, sql) {
            writeln!(plans, "    {line}").unwrap();
        }
    }
    if std::env::var_os("LONGSHORE_ACCEPT_PLANS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/verbs/plans.txt"), &plans).unwrap();
        return;
    }
    assert_eq!(plans, EXPECTED, "review the change, then run this test with LONGSHORE_ACCEPT_PLANS=1");
}

/// A statement that is prepared again for each use costs several times what it does.
#[test]
fn statements_are_prepared_once() {
    use rusqlite::StatementStatus;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    crate::fill_history(&path, 10).unwrap();
    let options = crate::StoreOptions::default();
    let connection = crate::connection::open_writer(&path, &options).unwrap();
    for (name, sql) in all_statements() {
        let mut statement = connection.prepare(sql).unwrap();
        for value in 1..4_i64 {
            for index in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(index, value).unwrap();
            }
            // Whether it succeeds with such values does not matter here.
            let mut rows = statement.raw_query();
            while let Ok(Some(_)) = rows.next() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{name} was prepared again");
    }
}
