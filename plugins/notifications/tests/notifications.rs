//! The whole job on a small shop, interrupted everywhere.

#![allow(clippy::unwrap_used)] // in helpers too, where clippy does not see that they are of a test

use longshore_plugin::testing::{TestHost, assert_describes, assert_resumes};
use notifications::Notifications;
use serde_json::json;

/// Suppliers 1 to `suppliers`, each with three products of which two run low; the last has no address.
fn shop(suppliers: u32) -> TestHost {
    let sql = format!("
        CREATE TABLE suppliers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, phone TEXT, city TEXT);
        CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT, name TEXT, hsn TEXT, gst_rate INTEGER,
            price_paise INTEGER, stock INTEGER, reorder_level INTEGER, reorder_quantity INTEGER, supplier_id INTEGER);
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {suppliers})
            INSERT INTO suppliers SELECT i, 'Supplier ' || i, iif(i = {suppliers}, NULL, i || '@example.in'), '', '' FROM n;
        WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 3 * {suppliers} - 1)
            INSERT INTO products SELECT i, printf('SKU-%04d', i), 'Product ' || i, '', 18, 100,
                iif(i % 3 = 0, 10, 9), 10, 25, 1 + i / 3 FROM n;");
    TestHost::new().source("shop", &sql)
}

#[test]
fn it_describes_itself() {
    assert_describes::<Notifications>();
}

#[test]
fn each_supplier_gets_one_message() {
    let host = shop(4);
    let result = host.run::<Notifications>(&json!({})).unwrap();
    assert_eq!(result["messages"], 3);
    assert_eq!(result["suppliers"], 4);
    assert_eq!(result["without_address"], 1);
    assert_eq!(result["records_processed"], 8);
    let messages = host.messages();
    let keys: Vec<_> = messages.iter().map(|message| message.key.as_str()).collect();
    assert_eq!(keys, ["replenish-1-2026-11-20", "replenish-2-2026-11-20", "replenish-3-2026-11-20"]);
    let first = &messages[0];
    assert_eq!((first.channel.as_str(), first.recipient.as_str()), ("email", "1@example.in"));
    assert_eq!(first.subject, "Replenishment request 2026-11-20: 2 products");
    assert!(first.body.contains("SKU-0001  Product 1        9       10       25\n"), "{}", first.body);
    assert!(!first.body.contains("SKU-0000"), "{}", first.body);
}

#[test]
fn one_supplier_can_be_chosen() {
    let host = shop(4);
    let result = host.run::<Notifications>(&json!({ "supplier_id": 2, "channel": "webhook" })).unwrap();
    assert_eq!((&result["messages"], &result["suppliers"]), (&json!(1), &json!(1)));
    assert_eq!(host.messages()[0].channel, "webhook");
}

#[test]
fn a_message_that_was_sent_already_is_passed_over() {
    let host = shop(3);
    host.run::<Notifications>(&json!({})).unwrap();
    let again = host.run::<Notifications>(&json!({})).unwrap();
    assert_eq!(again["messages"], 0);
    assert_eq!(host.messages().len(), 2);
    assert!(host.log().iter().any(|line| line.contains("supplier 1 was told already")), "{:?}", host.log());
}

#[test]
fn interruptions_do_not_show_in_the_outbox() {
    let (host, _) = assert_resumes::<Notifications>(|| shop(120).stops_at_most(200), &json!({}));
    assert_eq!(host.saves(), 2);
    assert_eq!(host.messages().len(), 119);
}

#[test]
fn a_bad_address_is_in_the_result_and_the_others_are_written_to() {
    let host = shop(4).refuse_recipient("2@example.in");
    let result = host.run::<Notifications>(&json!({})).unwrap();
    assert_eq!(
        (&result["messages"], &result["refused"], &result["suppliers"]),
        (&json!(2), &json!(1), &json!(4))
    );
    let not_sent = &result["not_sent"][0];
    assert_eq!((&not_sent["supplier_id"], &not_sent["recipient"]), (&json!(2), &json!("2@example.in")));
    assert_eq!(not_sent["supplier"], "Supplier 2");
    assert!(not_sent["reason"].as_str().unwrap().contains("2@example.in"), "{not_sent}");
    assert_eq!(host.messages().len(), 2);
}

#[test]
fn a_bad_address_is_in_the_result_once_however_often_the_job_is_interrupted() {
    let (host, result) =
        assert_resumes::<Notifications>(|| shop(120).refuse_recipient("7@example.in"), &json!({}));
    assert_eq!((&result["refused"], &result["messages"]), (&json!(1), &json!(118)));
    assert_eq!(result["not_sent"].as_array().unwrap().len(), 1);
    assert_eq!(host.messages().len(), 118);
}
