//! The whole job on a small shop, interrupted everywhere.

#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use bulk_invoice::BulkInvoice;
use longshore_plugin::JobError;
use longshore_plugin::testing::{TestHost, assert_describes, assert_resumes};
use serde_json::{Value as Json, json};
use std::io::{Cursor, Read};

const TABLES: &str = "
    CREATE TABLE branches (code TEXT PRIMARY KEY, city TEXT, legal_name TEXT, gstin TEXT, address TEXT, state TEXT,
        state_code TEXT);
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, phone TEXT, address TEXT, city TEXT,
        state TEXT, state_code TEXT, pincode TEXT, gstin TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, branch_code TEXT, customer_id INTEGER, ordered_at TEXT, city TEXT,
        status TEXT, ship_to_name TEXT, ship_to_address TEXT, ship_to_city TEXT, ship_to_state TEXT,
        ship_to_state_code TEXT, ship_to_pincode TEXT, taxable_paise INTEGER, cgst_paise INTEGER,
        sgst_paise INTEGER, igst_paise INTEGER, total_paise INTEGER);
    CREATE TABLE order_lines (order_id INTEGER, line_no INTEGER, product_id INTEGER, description TEXT, hsn TEXT,
        quantity INTEGER, unit_price_paise INTEGER, gst_rate INTEGER, PRIMARY KEY (order_id, line_no)) WITHOUT ROWID;
    INSERT INTO branches VALUES
        ('DEL', 'Delhi', 'Longshore Retail Private Limited', '07AABCL1234C1Z5', '14 Netaji Subhash Marg, Daryaganj, New Delhi 110002', 'Delhi', '07'),
        ('BLR', 'Bengaluru', 'Longshore Retail Private Limited', '29AABCL1234C1ZZ', '7 MG Road', 'Karnataka', '29');
    INSERT INTO customers VALUES
        (1, 'Asha Verma', 'asha@example.in', '98', '12 Lajpat Nagar', 'New Delhi', 'Delhi', '07', '110024', NULL),
        (2, 'காவேரி Traders, \"Pune\"', 'k@example.in', '97', '5 फर्ग्युसन रस्ता', 'Pune', 'Maharashtra', '27', '411004', '27AAACK1111A1Z1');";

/// `orders` orders in March 2026 for Delhi, every third to another state, the second with 60 lines; and others
/// around them that must not be invoiced.
fn shop(orders: u32) -> TestHost {
    let fill = format!("
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {orders})
        INSERT INTO orders SELECT 1000 - i, 'DEL', 1 + (i % 3 = 0),
            printf('2026-03-%02dT%02d:15:30+05:30', 1 + i % 31, i % 24), 'Delhi', 'delivered', 'Asha Verma',
            '12 Lajpat Nagar', 'New Delhi', iif(i % 3 = 0, 'Maharashtra', 'Delhi'), iif(i % 3 = 0, '27', '07'),
            '110024', 0, 0, 0, 0, 0 FROM n;
        INSERT INTO orders SELECT 1, 'DEL', 1, '2026-02-28T23:59:59+05:30', 'Delhi', '', '', '', '', '', '07', '', 0, 0, 0, 0, 0;
        INSERT INTO orders SELECT 2, 'DEL', 1, '2026-04-01T00:00:00+05:30', 'Delhi', '', '', '', '', '', '07', '', 0, 0, 0, 0, 0;
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
        INSERT INTO order_lines SELECT o.id, n.i, n.i, 'Stainless steel water bottle, 1 litre, model ' || n.i, '73239390',
            1 + (o.id + n.i) % 4, 12345 + 1000 * n.i, 18 FROM orders o, n WHERE n.i <= iif(o.id = 998, 60, 1 + o.id % 3);
        UPDATE orders SET
            taxable_paise = t.taxable, total_paise = t.taxable + t.tax
            FROM (SELECT l.order_id, sum(quantity * unit_price_paise) AS taxable,
                sum(iif(ship_to_state_code = '07', 2 * ((quantity * unit_price_paise * gst_rate + 100) / 200),
                    (quantity * unit_price_paise * gst_rate + 50) / 100)) AS tax
                FROM order_lines l JOIN orders o ON o.id = l.order_id GROUP BY 1) AS t WHERE t.order_id = orders.id;");
    TestHost::new().source("shop", &format!("{TABLES}{fill}"))
}

fn march(city: &str) -> Json {
    json!({ "city": city, "month": "2026-03" })
}

fn refused(input: &Json) -> String {
    match shop(5).run::<BulkInvoice>(input) {
        Err(JobError::InvalidInput(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_describes_itself() {
    assert_describes::<BulkInvoice>();
}

#[test]
fn one_invoice_an_order_and_a_register_that_adds_up() {
    let host = shop(40);
    let result = host.run::<BulkInvoice>(&march("delhi")).unwrap();
    assert_eq!((&result["invoices"], &result["city"]), (&json!(40), &json!("Delhi")));
    assert_eq!(result["first_invoice"], "DEL/2603/00001");
    assert_eq!(result["last_invoice"], "DEL/2603/00040");
    assert_eq!(result["differing_orders"], 0, "{:?}", host.log());

    let register = host.artifact("register-delhi-2026-03.csv");
    let mut reader = csv::Reader::from_reader(register.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let total: i64 = rows.iter().map(|row| row[14].parse::<i64>().unwrap()).sum();
    assert_eq!(result["totals"]["total_paise"], total);
    let dates: Vec<_> = rows.iter().map(|row| row[1].to_owned()).collect();
    assert!(dates.is_sorted() && dates.iter().all(|date| date.starts_with("2026-03-")), "{dates:?}");

    let zip = host.artifact("invoices-delhi-2026-03.zip");
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    assert_eq!(zip.len(), 41);
    let mut packed = Vec::new();
    zip.by_name("register-delhi-2026-03.csv").unwrap().read_to_end(&mut packed).unwrap();
    assert!(packed == register);
    for row in rows {
        let mut pdf = Vec::new();
        zip.by_name(&row[15]).unwrap().read_to_end(&mut pdf).unwrap();
        assert!(pdf.starts_with(b"%PDF-") && pdf.len() < 10_000, "{} has {} bytes", &row[15], pdf.len());
    }
}

#[test]
fn names_of_any_script_and_formulas_are_kept_or_escaped() {
    let shop = format!(
        "{TABLES}
        INSERT INTO branches VALUES ('दिल', 'Indore', 'L', '23', 'A', 'Madhya Pradesh', '23');
        INSERT INTO customers VALUES (3, '=1+1', '', '', '', '', '', '23', '', '-27');
        INSERT INTO orders VALUES (7, 'दिल', 3, '2026-03-05T10:00:00+05:30', 'Indore', '', '', '', '', '+MP', '23', '', 0, 0, 0, 0, 0);"
    );
    for (formulas, prefix) in [("exact", ""), ("escape", "'")] {
        let host = TestHost::new().source("shop", &shop);
        let input = json!({ "city": "Indore", "month": "2026-03", "formulas": formulas });
        host.run::<BulkInvoice>(&input).unwrap();
        let register = host.artifact("register-indore-2026-03.csv");
        let row = csv::Reader::from_reader(register.as_slice()).records().next().unwrap().unwrap();
        assert_eq!(
            (&row[4], &row[5], &row[6]),
            (&*format!("{prefix}=1+1"), &*format!("{prefix}-27"), &*format!("{prefix}+MP"))
        );
        assert_eq!(&row[15], "INV-दिल-2603-00001.pdf");
        let zip = host.artifact("invoices-indore-2026-03.zip");
        assert!(zip::ZipArchive::new(Cursor::new(zip)).unwrap().by_name(&row[15]).is_ok());
    }
}

#[test]
fn an_order_whose_record_differs_is_reported() {
    let host = shop(3);
    let spoiled = TestHost::new().source("shop", &format!("{TABLES}
        INSERT INTO orders VALUES (7, 'DEL', 1, '2026-03-05T10:00:00+05:30', 'Delhi', '', '', '', '', 'Delhi', '07', '', 0, 0, 0, 0, 5);"));
    assert_eq!(host.run::<BulkInvoice>(&march("Delhi")).unwrap()["differing_orders"], 0);
    assert_eq!(spoiled.run::<BulkInvoice>(&march("Delhi")).unwrap()["differing_orders"], 1);
    assert!(
        spoiled.log()[0].contains("order 7 has 5 paise in the database, its lines give 0"),
        "{:?}",
        spoiled.log()
    );
}

#[test]
fn nothing_to_invoice_is_answered_with_what_there_is() {
    assert_eq!(
        refused(&march("Mumbai")),
        "city: there is no branch in `Mumbai`; there are branches in: Bengaluru, Delhi"
    );
    assert_eq!(refused(&march("Bengaluru")), "city: Bengaluru has no orders at all");
    let message = refused(&json!({ "city": "Delhi", "month": "2020-01" }));
    assert_eq!(message, "month: Delhi has no orders in 2020-01; it has orders from 2026-02 to 2026-04");
    assert!(refused(&json!({ "city": "Delhi", "month": "March" })).contains("write it as 2026-03"));
}

#[test]
fn interruptions_do_not_show_in_the_files() {
    let (host, _) =
        assert_resumes::<BulkInvoice>(|| shop(230).save_every(u64::MAX).stops_at_most(8), &march("Delhi"));
    assert_eq!(host.saves(), 2);
    assert_resumes::<BulkInvoice>(|| shop(7), &march("Delhi"));
}

#[test]
fn orders_that_change_between_attempts_are_invoiced_as_they_are_then() {
    let line = "INSERT INTO order_lines VALUES (5000, 1, 1, 'Late', '73239390', 1, 100, 18);";
    let order = |at: &str| {
        format!(
            "{line} INSERT INTO orders SELECT 5000, branch_code, customer_id, '{at}', city, status, ship_to_name,
            ship_to_address, ship_to_city, ship_to_state, ship_to_state_code, ship_to_pincode, 0, 0, 0, 0, 118
            FROM orders WHERE id = 999"
        )
    };
    for (what, sql) in [
        ("nothing", String::new()),
        ("a later order", order("2026-03-31T23:59:59+05:30")),
        ("an earlier order", order("2026-03-01T00:00:00+05:30")),
        ("one order less", "DELETE FROM orders WHERE id = 900".into()),
        (
            "another price",
            "UPDATE order_lines SET unit_price_paise = 1 WHERE order_id = 998 AND line_no = 60".into(),
        ),
        ("another name", "UPDATE customers SET name = 'Asha Rao' WHERE id = 1".into()),
    ] {
        let undisturbed = shop(230);
        undisturbed.change("shop", &sql);
        let expected = undisturbed.run::<BulkInvoice>(&march("Delhi")).unwrap();
        for stop in [100, 150, 201] {
            let host = shop(230).stop_after(stop);
            assert_eq!(host.run::<BulkInvoice>(&march("Delhi")), Err(JobError::Cancelled));
            host.change("shop", &sql);
            assert_eq!(
                host.run::<BulkInvoice>(&march("Delhi")).unwrap(),
                expected,
                "{what}, stopped at {stop}"
            );
            for name in undisturbed.artifact_names() {
                let same = host.artifact(&name) == undisturbed.artifact(&name);
                assert!(same, "{name} with {what}, stopped at {stop}");
            }
        }
    }
}

/// `cargo test -p bulk_invoice -- --ignored` leaves a page to look at in the target folder.
#[test]
#[ignore = "writes files for a person to look at"]
fn files_to_look_at() {
    let host = shop(40);
    host.run::<BulkInvoice>(&march("Delhi")).unwrap();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for name in host.artifact_names() {
        std::fs::write(folder.join(&name), host.artifact(&name)).unwrap();
    }
}
