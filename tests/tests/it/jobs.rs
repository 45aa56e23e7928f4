//! The three jobs on the sample shop, from a client's call to the bytes on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Era, Project, sha256};

fn artifact(status: &Value, ending: &str) -> PathBuf {
    let artifacts = status["artifacts"].as_array().expect("a completed job lists its artifacts");
    let found = artifacts.iter().find(|artifact| artifact["name"].as_str().unwrap().ends_with(ending));
    let found = found.unwrap_or_else(|| panic!("no artifact ends with {ending}: {status}"));
    let path = PathBuf::from(found["path"].as_str().unwrap());
    assert_eq!(sha256(&path), found["sha256"].as_str().unwrap(), "the digest is that of the file");
    assert_eq!(fs::metadata(&path).unwrap().len(), found["bytes"].as_u64().unwrap());
    path
}

fn shop(project: &Project) -> rusqlite::Connection {
    rusqlite::Connection::open(project.path("shop.db")).unwrap()
}

#[test]
fn export_gives_what_is_granted_of_a_source_and_says_what_is_not() {
    let project = Project::with_shop();
    let policy = "[grants]\ndata = [\"shop\"]\n[grants.tables.shop]\nproducts = \"*\"\ncustomers = [\"id\", \"city\"]\n";
    fs::write(project.path("plugins/export.toml"), policy).unwrap();
    let mut client = project.serve(Era::Tasks);
    let mut export = |payload: Value| {
        let id = client.enqueue("export", payload);
        client.ended(&id)
    };
    for (payload, rows) in [
        (json!({"table": "products", "format": "csv"}), 199),
        (json!({"table": "customers", "columns": ["id", "city"], "format": "csv"}), 9_858),
    ] {
        let status = export(payload);
        assert_eq!(status["status"], "completed", "{status}");
        assert_eq!(status["result"]["rows"], rows, "{status}");
    }
    for (payload, named) in [
        (json!({"table": "customers", "format": "csv"}), "\"customers\".\"name\""),
        (json!({"table": "suppliers", "format": "csv"}), "suppliers"),
        (json!({"table": "nowhere", "format": "csv"}), "nowhere"),
    ] {
        let status = export(payload);
        let message = status["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status["status"], "failed", "{status}");
        assert!(
            message.contains(named) && message.contains("[grants.tables.shop] in export.toml"),
            "{status}"
        );
    }
}

#[test]
fn bulk_invoice_makes_one_invoice_an_order_and_its_register_equals_the_database() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Tasks);
    let handle = client.call("bulk_invoice", json!({"city": "Delhi", "month": "2026-03"}));
    assert_eq!(handle["resultType"], "task", "{handle}");
    let status = client.ended(handle["taskId"].as_str().unwrap());
    assert_eq!(status["status"], "completed", "{status}");
    assert_eq!(status["records_processed"], 1842);
    assert!(status.get("progress").is_none(), "a job that has ended is as far as it gets: {status}");

    let mut archive = zip::ZipArchive::new(File::open(artifact(&status, ".zip")).unwrap()).unwrap();
    let mut pdfs = BTreeSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        let name = entry.name().unwrap().into_owned();
        // The crate checks the CRC while it reads.
        entry.read_to_end(&mut bytes).unwrap();
        if Path::new(&name).extension().is_some_and(|extension| extension == "pdf") {
            assert!(bytes.starts_with(b"%PDF-") && bytes.trim_ascii_end().ends_with(b"%%EOF"));
            assert!(pdfs.insert(name.clone()), "two invoices are named {name}");
        }
    }
    assert_eq!(pdfs.len(), 1842);

    let (orders, taxable, cgst, sgst, igst, total): (i64, i64, i64, i64, i64, i64) = shop(&project)
        .query_row(
            "SELECT count(*), sum(taxable_paise), sum(cgst_paise), sum(sgst_paise), sum(igst_paise), sum(total_paise)
             FROM orders WHERE city = 'Delhi' AND substr(ordered_at, 1, 7) = '2026-03'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
        )
        .unwrap();
    assert_eq!(orders, 1842);
    assert!(cgst > 0 && igst > 0, "the month has orders within the state and across");
    let register = register_sums(&artifact(&status, ".csv"));
    assert_eq!(register, (1842, [taxable, cgst, sgst, igst, total]));
}

/// Rows, and sums in paise of the money columns, of a register; invoice numbers must be distinct.
fn register_sums(path: &Path) -> (usize, [i64; 5]) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_lowercase).collect();
    let column = |wanted: &str| {
        headers
            .iter()
            .position(|name| name.contains(wanted))
            .unwrap_or_else(|| panic!("no {wanted} in {headers:?}"))
    };
    let number = column("invoice_number");
    let money = ["taxable", "cgst", "sgst", "igst", "total"].map(column);
    let (mut numbers, mut sums) = (BTreeSet::new(), [0; 5]);
    for row in reader.records().map(Result::unwrap) {
        assert!(numbers.insert(row[number].to_owned()), "invoice number {} repeats", &row[number]);
        for (sum, column) in sums.iter_mut().zip(money) {
            *sum += paise(&row[column]);
        }
    }
    (numbers.len(), sums)
}

/// `1234.50` in paise.
fn paise(rupees: &str) -> i64 {
    let (whole, fraction) = rupees.split_once('.').unwrap_or((rupees, "00"));
    assert_eq!(fraction.len(), 2, "{rupees} has two decimals");
    whole.parse::<i64>().unwrap() * 100 + fraction.parse::<i64>().unwrap()
}

#[test]
fn export_writes_what_the_table_holds() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Modern);
    let expected: Vec<(i64, String, Option<String>)> = shop(&project)
        .prepare("SELECT id, name, gstin FROM customers ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let columns = json!(["id", "name", "gstin"]);

    let id = client.enqueue("export", json!({"table": "customers", "columns": columns, "format": "csv"}));
    let status = client.ended(&id);
    assert_eq!(status["records_processed"], expected.len());
    let rows: Vec<(i64, String, Option<String>)> = csv::Reader::from_path(artifact(&status, ".csv"))
        .unwrap()
        .records()
        .map(Result::unwrap)
        .map(|row| {
            (
                row[0].parse().unwrap(),
                row[1].to_owned(),
                Some(row[2].to_owned()).filter(|text| !text.is_empty()),
            )
        })
        .collect();
    assert_eq!(rows, expected);

    let id = client.enqueue("export", json!({"table": "customers", "columns": columns, "format": "jsonl"}));
    let text = fs::read_to_string(artifact(&client.ended(&id), ".jsonl")).unwrap();
    let rows: Vec<(i64, String, Option<String>)> = text
        .lines()
        .map(|line| serde_json::from_str::<BTreeMap<String, Value>>(line).unwrap())
        .map(|row| {
            let gstin = row["gstin"].as_str().map(str::to_owned);
            (row["id"].as_i64().unwrap(), row["name"].as_str().unwrap().to_owned(), gstin)
        })
        .collect();
    assert_eq!(rows, expected);

    let id = client.enqueue("export", json!({"table": "customers", "columns": columns, "format": "json"}));
    let array: Vec<Value> =
        serde_json::from_slice(&fs::read(artifact(&client.ended(&id), ".json")).unwrap()).unwrap();
    assert_eq!(array.len(), expected.len());

    let id = client.enqueue("export", json!({"table": "customers", "columns": columns, "format": "parquet"}));
    let bytes = fs::read(artifact(&client.ended(&id), ".parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn notifications_sends_one_message_a_supplier() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Modern);
    let suppliers: i64 = shop(&project)
        .query_row(
            "SELECT count(DISTINCT supplier_id) FROM products WHERE stock < reorder_level",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let id = client.enqueue("notifications", json!({}));
    let status = client.ended(&id);
    assert_eq!(status["status"], "completed", "{status}");
    assert_eq!(status["result"]["messages"], suppliers);
    let messages = spooled(&project, suppliers as usize);
    let recipients: BTreeSet<&str> = messages.values().map(|m| m["recipient"].as_str().unwrap()).collect();
    assert_eq!(recipients.len() as i64, suppliers);
}

/// The messages in the spool folder by id, once there are as many as expected.
pub(crate) fn spooled(project: &Project, expected: usize) -> BTreeMap<String, Value> {
    let folder = project.path("spool/email");
    let begin = std::time::Instant::now();
    loop {
        let files: Vec<PathBuf> = fs::read_dir(&folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        let whole: Vec<&PathBuf> = files
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        if whole.len() >= expected {
            assert_eq!(whole.len(), expected);
            let messages = whole.iter().map(|path| {
                let message: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
                (message["id"].as_str().unwrap().to_owned(), message)
            });
            return messages.collect();
        }
        assert!(begin.elapsed().as_secs() < 60, "{} of {expected} messages were delivered", whole.len());
        std::thread::yield_now();
    }
}
