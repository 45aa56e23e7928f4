//! Date ranges over every form in which a column may hold its times.

#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use export::Export;
use longshore_plugin::JobError;
use longshore_plugin::testing::TestHost;
use serde_json::{Value as Json, json};

/// Times around the ends of March 2026 in UTC and in India, as milliseconds, and how each form writes them. `local`
/// has the clock of India, without an offset.
const TIMES: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, ms INTEGER);
    WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 299)
        INSERT INTO t SELECT i, 1772303400000 + (i - 100) * 3600000 * 7 FROM n;
    INSERT INTO t SELECT 1000 + id, ms - 1000 FROM t;
    INSERT INTO t VALUES (3000, NULL);
    CREATE VIEW v AS SELECT id, ms, ms / 1000 AS s,
        strftime('%Y-%m-%d %H:%M:%S', ms / 1000, 'unixepoch') AS spaced,
        strftime('%Y-%m-%dT%H:%M:%S', ms / 1000, 'unixepoch') AS tee,
        strftime('%Y-%m-%dT%H:%M:%SZ', ms / 1000, 'unixepoch') AS zulu,
        strftime('%Y-%m-%d %H:%M:%f', ms / 1000, 'unixepoch') AS fraction,
        strftime('%Y-%m-%dT%H:%M:%S+05:30', ms / 1000, 'unixepoch', '+330 minutes') AS india,
        strftime('%Y-%m-%d %H:%M:%S', ms / 1000, 'unixepoch', '+330 minutes') AS local,
        CASE id % 6
            WHEN 0 THEN strftime('%Y-%m-%dT%H:%M:%SZ', ms / 1000, 'unixepoch')
            WHEN 1 THEN strftime('%Y-%m-%d %H:%M:%S+0530', ms / 1000, 'unixepoch', '+330 minutes')
            WHEN 2 THEN strftime('%Y-%m-%d %H:%M:%S', ms / 1000, 'unixepoch')
            WHEN 3 THEN strftime('%Y-%m-%dT%H:%M:%S.000', ms / 1000, 'unixepoch')
            WHEN 4 THEN strftime(' %Y-%m-%d %H:%M:%S UTC', ms / 1000, 'unixepoch')
            ELSE strftime('%Y-%m-%d %H:%M:%S-08', ms / 1000, 'unixepoch', '-480 minutes') END AS mixed,
        ms / 1000.0 AS real_seconds, CAST(ms / 1000 AS TEXT) AS text_seconds, CAST(ms AS TEXT) AS text_ms,
        ms * 1000 AS micros, julianday(ms / 1000, 'unixepoch') AS julian,
        strftime('%Y-%m-%d', ms / 1000, 'unixepoch') AS day,
        CAST(strftime('%Y%m%d', ms / 1000, 'unixepoch') AS INTEGER) AS compact
    FROM t;
    CREATE TABLE stored AS SELECT * FROM v;";

fn run(sql: &str, input: &Json) -> Result<Vec<i64>, JobError> {
    let host = TestHost::new().source("shop", sql);
    let result = host.run::<Export>(input)?;
    let csv = String::from_utf8(host.artifact(result["file"].as_str().unwrap())).unwrap();
    Ok(csv.lines().skip(1).map(|line| line.parse().unwrap()).collect())
}

fn refused(sql: &str, input: &Json) -> String {
    match run(sql, input) {
        Err(JobError::InvalidInput(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn ids(column: &str, from: Option<&str>, to: Option<&str>, time_zone: Option<&str>) -> Vec<i64> {
    // The times of one column all have an offset, which would be the time zone.
    let time_zone = time_zone.or((column == "india").then_some("UTC"));
    let input = json!({ "table": "stored", "columns": ["id"], "date_column": column, "from": from, "to": to,
        "time_zone": time_zone });
    run(TIMES, &input).unwrap_or_else(|error| panic!("{column}: {error}"))
}

/// Of instants, those in the range in milliseconds.
fn expected(from: i64, to: i64) -> Vec<i64> {
    let input = json!({ "table": "stored", "columns": ["id"], "filters": [
        { "column": "ms", "op": ">=", "value": from }, { "column": "ms", "op": "<", "value": to } ] });
    let ids = run(TIMES, &input).unwrap();
    assert!(ids.len() > 20 && ids.len() < 590, "{}", ids.len());
    ids
}

const FIRST: i64 = 1_772_323_200_000; // 2026-03-01T00:00:00Z
const LAST: i64 = 1_775_001_600_000; // 2026-04-01T00:00:00Z
const OFFSET: i64 = 19_800_000; // that of India

#[test]
fn every_form_gives_the_rows_of_march() {
    let march = expected(FIRST, LAST);
    for column in [
        "spaced",
        "tee",
        "zulu",
        "fraction",
        "india",
        "mixed",
        "ms",
        "s",
        "real_seconds",
        "text_seconds",
        "text_ms",
        "micros",
        "julian",
        "day",
        "compact",
    ] {
        for (from, to) in [
            ("2026-03-01", "2026-04-01"),
            ("2026-03-01T00:00:00", "2026-04-01 00:00"),
            ("2026-03-01T05:30:00+05:30", "2026-03-31T24:00:00Z"),
            ("1772323200", "1775001600000"),
            ("2461100.5", "20260401"),
        ] {
            assert_eq!(ids(column, Some(from), Some(to), None), march, "{column} from {from} to {to}");
        }
    }
}

#[test]
fn bounds_within_a_day_are_exact_to_the_second() {
    let (from, to) = (FIRST + 8 * 3_600_000 + 1_000, LAST - 5 * 3_600_000);
    let wanted = expected(from, to);
    for column in [
        "spaced",
        "tee",
        "zulu",
        "fraction",
        "india",
        "mixed",
        "ms",
        "s",
        "real_seconds",
        "text_ms",
        "julian",
    ] {
        for (from, to) in [
            ("2026-03-01T08:00:01", "2026-03-31 19:00"),
            ("2026-03-01 08:00:01.000", "2026-04-01T00:30+05:30"),
        ] {
            assert_eq!(ids(column, Some(from), Some(to), None), wanted, "{column} from {from} to {to}");
        }
    }
    // A bound that is finer than what is stored.
    let wanted = expected(from, LAST);
    for column in ["spaced", "tee", "zulu", "fraction", "india", "mixed", "ms", "s", "julian"] {
        assert_eq!(ids(column, Some("2026-03-01T08:00:00.5"), Some("2026-04-01"), None), wanted, "{column}");
    }
}

#[test]
fn one_end_will_do() {
    for column in ["spaced", "mixed", "s", "julian"] {
        let (before, after) =
            (ids(column, None, Some("2026-03-10"), None), ids(column, Some("2026-03-10"), None, None));
        assert_eq!(before.len() + after.len(), 600, "{column}: every row that is not NULL is on one side");
        assert!(before.len() > 20 && after.len() > 20);
    }
}

#[test]
fn dates_are_those_of_the_time_zone() {
    let march = expected(FIRST - OFFSET, LAST - OFFSET);
    // Local times are compared as they are: with the clock of India, in India, March is March.
    for column in ["zulu", "india", "ms", "s", "text_seconds", "julian", "local"] {
        let found = ids(column, Some("2026-03-01"), Some("2026-04-01"), Some("Asia/Kolkata"));
        assert_eq!(found, march, "{column}");
    }
    let found =
        ids("local", Some("2026-02-28T18:30:00Z"), Some("2026-04-01T00:00:00+05:30"), Some("Asia/Kolkata"));
    assert_eq!(found, march);
}

#[test]
fn dates_are_those_of_the_offset_that_all_times_have() {
    let input = json!({ "table": "stored", "columns": ["id"], "date_column": "india", "from": "2026-03-01",
        "to": "2026-04-01" });
    assert_eq!(run(TIMES, &input).unwrap(), expected(FIRST - OFFSET, LAST - OFFSET));
}

#[test]
fn an_index_serves_texts_of_one_style_and_numbers() {
    // The range as SQL: what is judged row by row would not be in the query.
    let sql =
        "CREATE TABLE t (id INTEGER, at TEXT); INSERT INTO t VALUES (1, '2026-03-01 10:00:00'), (2, NULL),
        (3, '2026-03-01'), (4, '2026-02-28 23:59:59.999');";
    let input =
        json!({ "table": "t", "columns": ["id"], "date_column": "at", "from": "2026-03-01T00:00:00" });
    assert_eq!(run(sql, &input), Ok(vec![1, 3]));
}

#[test]
fn an_empty_column_has_no_rows_in_any_range() {
    let sql = "CREATE TABLE t (id INTEGER, at); INSERT INTO t VALUES (1, NULL);";
    let input = json!({ "table": "t", "columns": ["id"], "date_column": "at", "from": "2026-03-01" });
    assert_eq!(run(sql, &input), Ok(vec![]));
}

#[test]
fn what_is_no_time_or_mixed_is_named() {
    let with = |values: &str| {
        let sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, at); INSERT INTO t (at) VALUES {values};");
        refused(&sql, &json!({ "table": "t", "date_column": "at", "from": "2026-03-01" }))
    };
    for (values, what) in [
        ("('2026-03-01'), ('soon'), ('')", "2 values that are no times: `soon`, ``"),
        ("('01/03/2026')", "1 value that is no time: `01/03/2026`"),
        ("('2026-02-30')", "`2026-02-30`"),
        ("(x'00ff')", "a blob of 2 bytes"),
        ("(CAST(x'ff' AS TEXT))", "no time: `\u{fffd}`"),
        ("('2026-03-01'), (1772323200)", "mixes dates as text and as numbers: `2026-03-01` and 1772323200"),
        (
            "(1772323200), (1772323200000)",
            "mixes Unix seconds and Unix milliseconds: 1772323200 and 1772323200000",
        ),
        ("(1772323200), (2461100.5)", "mixes Unix seconds and Julian days"),
        ("(2025), (2026)", "neither Unix time, Julian days nor YYYYMMDD: 2026"),
        ("(9e999)", "no time: inf"),
    ] {
        let message = with(values);
        assert!(message.starts_with("date_column: `at` ") && message.contains(what), "{values}: {message}");
        assert!(message.contains("filters"), "{message}");
    }
}

#[test]
fn values_that_are_no_times_can_be_filtered_out() {
    let sql = "CREATE TABLE t (id INTEGER, at); INSERT INTO t VALUES (1, ''), (2, '2026-03-01'), (3, '2026-02-01');";
    let input = json!({ "table": "t", "columns": ["id"], "date_column": "at", "from": "2026-03-01",
        "filters": [{ "column": "at", "op": "!=", "value": "" }] });
    assert_eq!(run(sql, &input), Ok(vec![2]));
}

#[test]
fn ranges_that_cannot_be_are_refused() {
    let refused = |fields: &[(&str, &str)]| {
        let mut input = json!({ "table": "stored", "date_column": "s" });
        for (name, text) in fields {
            input[*name] = json!(text);
        }
        refused(TIMES, &input)
    };
    let message = refused(&[("from", "2026-04-01"), ("to", "2026-03-01")]);
    assert_eq!(message, "from: `2026-04-01` is after `to`, which is `2026-03-01`");
    let message = refused(&[("from", "2026-03-01T00:00:00Z"), ("to", "2026-03-01T01:00+05:30")]);
    assert!(message.contains("is after `to`"), "{message}");
    assert!(refused(&[("from", "2026-03-01"), ("to", "2026-03-01")]).contains("`to` is not included"));
    assert!(refused(&[("from", "March")]).starts_with("from: `March` is not a time"));
    assert!(refused(&[("to", "2026-02-30")]).starts_with("to: `2026-02-30` is not a time"));
    let message = refused(&[("from", "2026-03-01"), ("time_zone", "India")]);
    assert!(message.starts_with("time_zone: `India` is not an IANA time zone"), "{message}");
}
