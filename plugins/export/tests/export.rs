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
    // Megabytes for each attempt, so few are stopped, and only at the export's own cuts; a small table is stopped everywhere.
    TestHost::new().source("shop", sql).batches_of(17).stops_at_most(10).save_every(u64::MAX)
}

#[test]
fn a_small_export_can_be_stopped_everywhere() {
    for input in [
        json!({ "table": "orders" }),
        json!({ "table": "orders", "compression": "gzip" }),
        json!({ "table": "orders", "format": "jsonl" }),
        json!({ "table": "orders", "format": "json" }),
        json!({ "table": "orders", "format": "parquet" }),
    ] {
        assert_resumes::<Export>(|| host().batches_of(2), &input);
    }
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

/// `Müller` and `naïve` as Latin-1 has them, text cut off in a character, and a surrogate; and blobs among texts.
const BYTES: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, note);
    INSERT INTO people VALUES
        (1, 'Müller', 'fine'),
        (2, CAST(x'4dfc6c6c6572' AS TEXT), CAST(x'6e61ef7665' AS TEXT)),
        (3, CAST(x'61e282' AS TEXT), x'00ff'),
        (4, CAST(x'eda080' AS TEXT), 'a' || char(0) || 'b');";

#[test]
fn text_that_is_not_utf8_is_replaced_alike_in_every_format_and_counted() {
    let names = ["Müller", "M\u{fffd}ller", "a\u{fffd}", "\u{fffd}\u{fffd}\u{fffd}"];
    for format in ["csv", "jsonl", "json", "parquet"] {
        let host = TestHost::new().source("shop", BYTES);
        let result = host.run::<Export>(&json!({ "table": "people", "format": format })).unwrap();
        let file = host.artifact(result["file"].as_str().unwrap());
        let (found, notes): (Vec<String>, Vec<String>) = match format {
            "csv" => csv::Reader::from_reader(file.as_slice())
                .records()
                .map(|row| row.unwrap())
                .map(|row| (row[1].to_owned(), row[2].to_owned()))
                .unzip(),
            "parquet" => SerializedFileReader::new(parquet_bytes(file))
                .unwrap()
                .get_row_iter(None)
                .unwrap()
                .map(|row| match &row.unwrap().into_columns()[1..] {
                    [(_, Field::Str(name)), (_, Field::Bytes(note))] => {
                        (name.clone(), String::from_utf8_lossy(note.data()).into_owned())
                    }
                    other => panic!("{other:?}"),
                })
                .unzip(),
            _ => {
                let text = String::from_utf8(file).unwrap();
                let rows: Vec<Json> = match format {
                    "json" => serde_json::from_str(&text).unwrap(),
                    _ => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
                };
                let text = |value: &Json| value.as_str().unwrap().to_owned();
                rows.iter().map(|row| (text(&row["name"]), text(&row["note"]))).unzip()
            }
        };
        assert_eq!(found, names, "{format}");
        let blob = if format == "parquet" { "\0\u{fffd}" } else { "AP8=" };
        assert_eq!(notes, ["fine", "na\u{fffd}ve", blob, "a\0b"], "{format}");
        let columns = &result["columns"];
        assert_eq!(columns[0].get("invalid_texts"), None, "{columns}");
        assert_eq!(columns[1]["invalid_texts"], 3, "{format}: {columns}");
        assert_eq!(columns[2]["invalid_texts"], 1, "{format}: {columns}");
        let base64 = if format == "parquet" { Json::Null } else { json!(1) };
        assert_eq!(columns[2]["base64_values"], base64, "{format}: {columns}");
    }
}

#[test]
fn databases_in_utf16_are_read_as_any_other() {
    let sql = "PRAGMA encoding = 'UTF-16le';
        CREATE TABLE people (name TEXT);
        INSERT INTO people VALUES ('Müller 🙂'), (CAST(x'4100fdff4200' AS TEXT)), (CAST(x'410000d84200' AS TEXT));";
    let host = TestHost::new().source("shop", sql);
    let result = host.run::<Export>(&json!({ "table": "people" })).unwrap();
    let csv = String::from_utf8(host.artifact("people.csv")).unwrap();
    assert_eq!(csv.lines().take(3).collect::<Vec<_>>(), ["name", "Müller 🙂", "A\u{fffd}B"]);
    assert_eq!(result["rows"], 3);
}

#[test]
fn names_that_are_not_utf8_hide_their_columns_and_tables_only() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "CREATE TABLE good (a, b); INSERT INTO good VALUES (1, 2);
        CREATE TABLE bad (a, b); INSERT INTO bad VALUES (1, 2);
        CREATE TABLE worse (a);
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = CAST(x'435245415445205441424c45206261642028612c2022ff2229' AS TEXT)
            WHERE name = 'bad';
        UPDATE sqlite_schema SET name = CAST(x'ff' AS TEXT), tbl_name = CAST(x'ff' AS TEXT),
            sql = CAST(x'435245415445205441424c452022ff2220286129' AS TEXT) WHERE name = 'worse';
        PRAGMA writable_schema = RESET;";
    database.execute_batch(sql).unwrap();
    let host = TestHost::new().source_database("shop", database);
    let run = |input: Json| host.run::<Export>(&input);
    assert_eq!(run(json!({ "table": "good" })).unwrap()["rows"], 1);
    let Err(JobError::InvalidInput(message)) = run(json!({ "table": "bad" })) else { panic!() };
    assert!(
        message.contains("`\u{fffd}`, is not valid UTF-8") && message.contains("list the others"),
        "{message}"
    );
    assert_eq!(run(json!({ "table": "bad", "columns": ["a"], "file_name": "a.csv" })).unwrap()["rows"], 1);
    let Err(JobError::InvalidInput(message)) = run(json!({ "table": "worse" })) else { panic!() };
    assert!(message.ends_with("There is: bad, good"), "{message}");
}

#[test]
fn formulas_are_exact_or_escaped() {
    let sql = r#"CREATE TABLE f (id INTEGER PRIMARY KEY, t, "=head" TEXT);
        INSERT INTO f (t) VALUES ('=1+1'), ('+91 98'), ('-2'), ('@SUM(A1)'), (char(9) || 'x'), (char(13) || 'x'),
            ('a=1'), (-5), (-0.5), ('＝1'), (x'f8'), ('=a,"b'), (''), (NULL), ('''='), (-9e999), (' =1');"#;
    let export = |formulas: Option<&str>| {
        let mut input = json!({ "table": "f" });
        if let Some(formulas) = formulas {
            input["formulas"] = json!(formulas);
        }
        let host = TestHost::new().source("shop", sql);
        host.run::<Export>(&input).unwrap();
        let file = host.artifact("f.csv");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
        let rows = reader.records().map(|row| row.unwrap());
        rows.map(|row| (row[1].to_owned(), row[2].to_owned())).collect::<Vec<_>>()
    };
    let exact = export(None);
    assert_eq!(exact, export(Some("exact")));
    let texts = |rows: &[(String, String)]| rows[1..].iter().map(|row| row.0.clone()).collect::<Vec<_>>();
    let written = [
        "=1+1",
        "+91 98",
        "-2",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "a=1",
        "-5",
        "-0.5",
        "＝1",
        "+A==",
        "=a,\"b",
        "",
        "",
        "'=",
        "-Infinity",
        " =1",
    ];
    assert_eq!(texts(&exact), written);
    let escaped = export(Some("escape"));
    let mut expected = written.map(str::to_owned);
    for at in [0, 1, 2, 3, 4, 5, 9, 10, 11] {
        expected[at].insert(0, '\'');
    }
    assert_eq!(texts(&escaped), expected);
    assert_eq!((exact[0].1.as_str(), escaped[0].1.as_str()), ("=head", "'=head"));
    let message = refused(&json!({ "table": "orders", "format": "jsonl", "formulas": "escape" }));
    assert!(message.starts_with("formulas: "), "{message}");
}

#[test]
fn files_of_any_script_are_named_as_their_tables() {
    for table in ["ऑर्डर मार्च", "注文", "🧾 bills", "cafe\u{301}", "نامه‌ها"]
    {
        let sql = format!("CREATE TABLE \"{table}\" (a); INSERT INTO \"{table}\" VALUES (1);");
        let host = TestHost::new().source("shop", &sql);
        let result = host.run::<Export>(&json!({ "table": table })).unwrap();
        assert_eq!(result["file"], format!("{table}.csv"));
        let name = format!("{table} 2.csv");
        let host = TestHost::new().source("shop", &sql);
        let result = host.run::<Export>(&json!({ "table": table, "file_name": name })).unwrap();
        assert_eq!(result["file"], name);
    }
    let long = "語".repeat(120);
    let host = TestHost::new().source("shop", &format!("CREATE TABLE \"{long}\" (a);"));
    let result = host.run::<Export>(&json!({ "table": long })).unwrap();
    assert_eq!(result["file"], format!("{}.csv", "語".repeat(66)));
}

fn gunzip(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

fn parquet_bytes(file: Vec<u8>) -> bytes::Bytes {
    file.into()
}
