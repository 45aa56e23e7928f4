//! The whole job on real SQLite tables, in every format, interrupted everywhere.

#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use export::Export;
use flate2::read::MultiGzDecoder;
use longshore_plugin::JobError;
use longshore_plugin::testing::{TestHost, assert_describes, assert_resumes};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value as Json, json};
use std::io::Read;

const SHOP: &str = r#"
    CREATE TABLE orders (id INTEGER PRIMARY KEY, city TEXT, ordered_at TEXT, total_paise INTEGER, note);
    INSERT INTO orders VALUES
        (1, 'Delhi', '2026-02-28T23:59:59+05:30', 100, NULL),
        (2, 'Delhi', '2026-03-01T00:00:00+05:30', 200, ''),
        (3, 'Pune, "West"', '2026-03-31T23:59:59+05:30', 9007199254740993, 'two' || char(10) || 'lines ₹ 🙂'),
        (5, 'Delhi', '2026-04-01T00:00:00+05:30', -5, x'00ff');
    CREATE TABLE lines (order_id INTEGER, line_no INTEGER, "a ""b"", c" REAL, PRIMARY KEY (order_id, line_no))
        WITHOUT ROWID;
    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
        INSERT INTO lines SELECT i / 7, i, i / 3.0 FROM n;
    CREATE VIEW delhi AS SELECT id, total_paise FROM orders WHERE city = 'Delhi';
    CREATE TABLE mixed (all_null BLOB, ints, floats, numbers, huge, texts, blobs, anything);
    INSERT INTO mixed VALUES (NULL, 1, 0.1, 1, 9007199254740993, 'a', x'00', 1);
    INSERT INTO mixed VALUES (NULL, NULL, 9e999, 2.5, 0.5, '', x'', 'b');
    INSERT INTO mixed VALUES (NULL, -9223372036854775808, NULL, NULL, NULL, 'ü', NULL, x'ff');
    CREATE TABLE empty (a INTEGER, b TEXT);
    CREATE TABLE stamps (at INTEGER);
    INSERT INTO stamps VALUES (1772323199), (1772323200), (1775001599), (1775001600);
"#;

fn host() -> TestHost {
    TestHost::new().source("shop", SHOP)
}

fn export(input: &Json) -> (Json, Vec<u8>) {
    let host = host();
    let result = host.run::<Export>(input).unwrap();
    let file = host.artifact(result["file"].as_str().unwrap());
    assert_eq!(result["bytes"], file.len());
    (result, file)
}

fn text(input: &Json) -> String {
    String::from_utf8(export(input).1).unwrap()
}

fn refused(input: &Json) -> String {
    match host().run::<Export>(input) {
        Err(JobError::InvalidInput(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_describes_itself() {
    assert_describes::<Export>();
}

#[test]
fn csv_keeps_every_text_and_tells_null_from_empty() {
    let csv = text(&json!({ "table": "orders", "columns": ["id", "city", "note"] }));
    let expected = "id,city,note\r\n1,Delhi,\r\n2,Delhi,\"\"\r\n3,\"Pune, \"\"West\"\"\",\"two\nlines ₹ 🙂\"\r\n5,Delhi,AP8=\r\n";
    assert_eq!(csv, expected);
}

#[test]
fn json_lines_and_arrays_hold_the_same() {
    let lines = text(&json!({ "table": "orders", "format": "jsonl" }));
    let lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let array: Vec<Json> =
        serde_json::from_str(&text(&json!({ "table": "orders", "format": "json" }))).unwrap();
    assert_eq!(lines, array);
    assert_eq!(array[2]["total_paise"], 9_007_199_254_740_993_i64);
    assert_eq!(array[2]["note"], "two\nlines ₹ 🙂");
    assert_eq!(array[0]["note"], Json::Null);
    assert_eq!(array[3]["note"], "AP8=");
    assert_eq!(
        text(&json!({ "table": "mixed", "format": "jsonl", "columns": ["floats"] })).lines().nth(1),
        Some(r#"{"floats":"Infinity"}"#)
    );
}

#[test]
fn an_empty_table_gives_a_whole_file() {
    assert_eq!(text(&json!({ "table": "empty" })), "a,b\r\n");
    assert_eq!(text(&json!({ "table": "empty", "format": "json" })), "[]\n");
    assert_eq!(text(&json!({ "table": "empty", "format": "jsonl" })), "");
    let (_, file) = export(&json!({ "table": "empty", "format": "parquet" }));
    let reader = SerializedFileReader::new(parquet_bytes(file)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    let (_, file) = export(&json!({ "table": "empty", "compression": "gzip" }));
    assert_eq!(gunzip(&file), b"a,b\r\n");
    let (_, file) = export(&json!({ "table": "empty", "format": "jsonl", "compression": "gzip" }));
    assert_eq!(gunzip(&file), b"");
    assert!(!file.is_empty());
}

#[test]
fn filters_and_date_ranges_choose_rows() {
    let ids = |filters: &Json| {
        let csv = text(&json!({ "table": "orders", "columns": ["id"], "filters": filters }));
        csv.lines().skip(1).map(|line| line.parse::<i64>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&json!([{ "column": "CITY", "op": "=", "value": "Delhi" }])), [1, 2, 5]);
    assert_eq!(ids(&json!([{ "column": "city", "op": "contains", "value": "west" }])), [3]);
    assert_eq!(ids(&json!([{ "column": "id", "op": "in", "value": [1, 5, 9] }])), [1, 5]);
    assert_eq!(ids(&json!([{ "column": "note", "op": "is_null" }])), [1]);
    assert_eq!(
        ids(&json!([{ "column": "id", "op": ">", "value": 1 }, { "column": "id", "op": "<=", "value": 3 }])),
        [2, 3]
    );
    let march = json!({ "table": "orders", "columns": ["id"], "date_column": "ordered_at", "from": "2026-03-01", "to": "2026-04-01" });
    assert_eq!(text(&march), "id\r\n2\r\n3\r\n");
    let stamps = json!({ "table": "stamps", "date_column": "at", "from": "2026-03-01", "to": "2026-04-01" });
    assert_eq!(text(&stamps), "at\r\n1772323200\r\n1775001599\r\n");
}

#[test]
fn wrong_names_are_answered_with_the_right_ones() {
    let message = refused(&json!({ "table": "order" }));
    assert!(
        message.contains("did you mean `orders`? There is: delhi, empty, lines, mixed, orders"),
        "{message}"
    );
    let message = refused(&json!({ "table": "orders", "columns": ["total"] }));
    assert!(message.contains("did you mean `total_paise`? There is: id, city"), "{message}");
    let message = refused(&json!({ "table": "orders", "from": "2026-03-01" }));
    assert!(message.contains("need `date_column`; likely ones: ordered_at"), "{message}");
    let message = refused(&json!({ "table": "orders", "source": "crm" }));
    assert_eq!(message, "there is no source `crm` for this job; it has: shop");
    let message = refused(&json!({ "table": "orders", "file_name": "../x" }));
    assert!(message.starts_with("file_name: "), "{message}");
    assert!(refused(&json!({ "table": "orders", "columns": ["id", "ID"] })).contains("listed twice"));
    assert!(refused(&json!({ "table": "orders", "formt": "csv" })).contains("unknown field `formt`"));
}

#[test]
fn parquet_keeps_values_and_types() {
    let (result, file) = export(&json!({ "table": "mixed", "format": "parquet" }));
    let types: Vec<_> =
        result["columns"].as_array().unwrap().iter().map(|c| c["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["BYTE_ARRAY", "INT64", "DOUBLE", "DOUBLE", "STRING", "STRING", "BYTE_ARRAY", "BYTE_ARRAY"]
    );
    let reader = SerializedFileReader::new(parquet_bytes(file)).unwrap();
    let rows: Vec<Vec<Field>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().into_columns().into_iter().map(|(_, field)| field).collect())
        .collect();
    let text = |text: &str| Field::Str(text.into());
    let bytes = |bytes: &[u8]| Field::Bytes(bytes.to_vec().into());
    assert_eq!(
        rows[0][1..6],
        [Field::Long(1), Field::Double(0.1), Field::Double(1.0), text("9007199254740993"), text("a")]
    );
    assert_eq!(rows[0][6..], [bytes(&[0]), bytes(b"1")]);
    assert_eq!(rows[1][2..6], [Field::Double(f64::INFINITY), Field::Double(2.5), text("0.5"), text("")]);
    assert_eq!(rows[2][..3], [Field::Null, Field::Long(i64::MIN), Field::Null]);
    assert_eq!(rows[2][5..], [text("ü"), Field::Null, bytes(b"\xff")]);
}

#[test]
fn batches_do_not_show_in_the_file() {
    for format in ["csv", "jsonl", "json", "parquet"] {
        let input = json!({ "table": "lines", "format": format });
        let (_, whole) = export(&input);
        let host = host().batches_of(7);
        host.run::<Export>(&input).unwrap();
        assert!(host.artifact(&format!("lines.{format}")) == whole, "{format}");
    }
    let files = [3, 1000].map(|rows| {
        let host = wide_host().batches_of(rows);
        host.run::<Export>(&json!({ "table": "wide", "compression": "gzip" })).unwrap();
        host.artifact("wide.csv.gz")
    });
    assert!(files[0] == files[1], "gzip");
}

/// Enough bytes for several cuts in each format.
fn wide_host() -> TestHost {
    let sql = "
        CREATE TABLE wide (a INTEGER, filler BLOB, t TEXT);
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 90)
            INSERT INTO wide SELECT i, zeroblob(800000), 'row ' || i FROM n;
        CREATE TABLE keyed (k TEXT, n INTEGER, filler BLOB, PRIMARY KEY (k, n)) WITHOUT ROWID;
        INSERT INTO keyed SELECT 'k' || (a % 10), a, filler FROM wide;
        CREATE VIEW seen AS SELECT a, filler, t || '!' AS t FROM wide WHERE a <> 13;";
    TestHost::new().source("shop", sql).batches_of(17)
}

#[test]
fn interruptions_do_not_show_in_the_file() {
    for (input, saves) in [
        (json!({ "table": "wide", "compression": "gzip" }), 2),
        (json!({ "table": "keyed", "format": "jsonl" }), 2),
        (json!({ "table": "seen", "format": "json" }), 2),
        (json!({ "table": "wide", "format": "parquet" }), 8),
    ] {
        let (host, result) = assert_resumes::<Export>(wide_host, &input);
        assert!(host.saves() >= saves, "{input}: {} saves", host.saves());
        let file = host.artifact(result["file"].as_str().unwrap());
        match input["format"].as_str() {
            Some("parquet") => {
                let reader = SerializedFileReader::new(parquet_bytes(file)).unwrap();
                assert!(reader.num_row_groups() > 8);
                for (number, row) in reader.get_row_iter(None).unwrap().enumerate() {
                    let row = row.unwrap().into_columns();
                    assert_eq!(row[0].1, Field::Long(number as i64 + 1));
                    assert_eq!(row[2].1, Field::Str(format!("row {}", number + 1)));
                }
            }
            Some("json") => {
                let rows: Vec<Json> = serde_json::from_slice(&file).unwrap();
                assert_eq!(rows.len(), 89);
            }
            Some("jsonl") => assert_eq!(file.split(|byte| *byte == b'\n').count(), 91),
            _ => {
                let unzipped = gunzip(&file);
                let mut reader = csv::Reader::from_reader(unzipped.as_slice());
                let rows = reader.records().map(|row| row.unwrap()[2].to_owned());
                assert!(rows.eq((1..=90).map(|number| format!("row {number}"))));
            }
        }
    }
}

fn gunzip(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn parquet_bytes(file: Vec<u8>) -> bytes::Bytes {
    file.into()
}
