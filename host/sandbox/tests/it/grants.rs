//! Parts of a source and of a channel that are granted, and the rest that is not.

use std::sync::Arc;

use longshore_domain::{Code, Grants, RecipientCheck};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Bed, assert_failure};

/// A bed with a source of which some is granted: all orders, two columns of the customers, nothing of the secrets.
fn bed(more: Value) -> Bed {
    let mut bed = Bed::with(|folder, options| {
        let path = folder.join("shop.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER, total REAL);
                 INSERT INTO orders VALUES (1, 7, 9.5), (2, 7, 1.0);
                 CREATE TABLE customers(id INTEGER PRIMARY KEY, city TEXT, email TEXT);
                 CREATE INDEX customers_email ON customers(email);
                 INSERT INTO customers VALUES (7, 'Delhi', 'ann@example.com');
                 CREATE TABLE secrets(word TEXT);
                 CREATE VIEW cities AS SELECT city FROM customers;
                 CREATE VIEW contacts AS SELECT email FROM customers;
                 ANALYZE;",
            )
            .unwrap();
        options.sources.insert("shop".into(), path);
    });
    let mut tables = json!({"orders": "*", "customers": ["id", "city"]});
    for (table, columns) in more.as_object().unwrap() {
        tables[table] = columns.clone();
    }
    let grants = json!({"data": ["shop"], "tables": {"shop": tables}});
    bed.policy.grants = serde_json::from_value::<Grants>(grants).unwrap();
    bed
}

fn query(sql: &str) -> Value {
    json!({"query": {"source": "shop", "sql": sql, "max_rows": 10, "packed": true}})
}

#[tokio::test]
async fn what_is_granted_of_a_source_is_read() {
    let answers = bed(json!({"cities": "*"}))
        .probe(json!([
            query("SELECT * FROM Orders"),
            query("SELECT ID, City FROM CUSTOMERS"),
            query("SELECT city, sum(total) FROM orders JOIN customers ON customer = customers.id GROUP BY 1"),
            query("SELECT count(*) FROM customers"),
            query("SELECT city FROM cities"),
            query("SELECT name FROM pragma_table_xinfo('orders')"),
            query("SELECT value FROM json_each('[1]')"),
            query("WITH secrets(a) AS (SELECT id FROM orders) SELECT max(a) FROM secrets")
        ]))
        .await;
    let rows = [
        json!([[1, 7, 9.5], [2, 7, 1.0]]),
        json!([[7, "Delhi"]]),
        json!([["Delhi", 10.5]]),
        json!([[1]]),
        json!([["Delhi"]]),
        json!([["id"], ["customer"], ["total"]]),
        json!([[1]]),
        json!([[2]]),
    ];
    for (answer, rows) in answers.as_array().unwrap().iter().zip(rows) {
        assert_eq!(answer["rows"], rows, "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_granted_of_a_source_cannot_be_had_by_any_road() {
    // A view is no fence, and so no way around one either: `contacts` is granted, what it reads is not.
    let bed = bed(json!({"contacts": "*"}));
    for sql in [
        "SELECT email FROM customers",
        "SELECT * FROM customers",
        "SELECT main.customers.\"EMAIL\" FROM main.customers",
        "SELECT id FROM customers WHERE email LIKE 'a%'",
        "SELECT id FROM customers ORDER BY email",
        "SELECT count(*) FROM customers GROUP BY email",
        "SELECT max(email) OVER () FROM customers",
        "SELECT count(DISTINCT email) FROM customers",
        "SELECT orders.id FROM orders JOIN customers USING (id) WHERE EXISTS (SELECT 1 WHERE email > '')",
        "SELECT (SELECT email FROM customers) FROM orders",
        "SELECT 1 FROM orders WHERE total IN (SELECT email FROM customers)",
        "SELECT id FROM orders UNION SELECT email FROM customers",
        "SELECT value FROM json_each((SELECT json_array(email) FROM customers))",
        "SELECT * FROM contacts",
        "SELECT 1 FROM contacts",
        "WITH contacts AS (SELECT email FROM customers) SELECT * FROM contacts",
        "WITH orders AS (SELECT email FROM customers) SELECT * FROM orders",
        "WITH RECURSIVE orders(a) AS (SELECT email FROM customers UNION SELECT a FROM orders) SELECT a FROM orders",
        "SELECT * FROM (SELECT email AS id FROM customers) AS orders",
        "SELECT count(*) FROM secrets",
        "SELECT 1 FROM secrets",
        "SELECT rowid FROM secrets",
        "SELECT name FROM sqlite_schema",
        "SELECT sql FROM sqlite_master",
        "SELECT tbl FROM sqlite_stat1",
        "SELECT name FROM pragma_table_list",
        "SELECT name FROM pragma_table_info('secrets')",
        "SELECT name FROM orders, pragma_table_xinfo('secrets')",
        "SELECT name FROM pragma_index_info('customers_email')",
        "PRAGMA table_info(secrets)",
        "PRAGMA table_list",
        "PRAGMA index_xinfo(customers_email)",
        "SELECT * FROM dbstat",
        "SELECT * FROM bytecode('SELECT 1')",
        "SELECT * FROM sqlite_stmt",
    ] {
        let answers = bed.probe(json!([query(sql)])).await;
        assert_eq!(answers[0]["code"], "query_failed", "{sql}: {answers}");
    }
    let answers = bed.probe(json!([query("SELECT email FROM customers")])).await;
    let message = answers[0]["message"].as_str().unwrap();
    let named = ["\"customers\".\"email\"", "[grants.tables.shop]", "probe.toml"];
    assert!(named.iter().all(|part| message.contains(part)), "{message}");
}

#[tokio::test]
async fn a_reader_that_served_one_job_gives_another_no_more_than_it_is_granted() {
    let mut bed = bed(json!({}));
    let all = bed.probe(json!([query("SELECT id FROM orders")])).await;
    assert_eq!(all[0]["rows"], json!([[1], [2]]));
    let narrow = bed.policy.grants.clone();
    bed.policy.grants.tables.clear();
    assert_eq!(
        bed.probe(json!([query("SELECT email FROM customers")])).await[0]["rows"],
        json!([["ann@example.com"]])
    );
    bed.policy.grants = narrow;
    assert_eq!(bed.probe(json!([query("SELECT email FROM customers")])).await[0]["code"], "query_failed");
}

#[tokio::test]
async fn a_query_has_so_much_time_and_so_many_rows() {
    let mut bed = bed(json!({}));
    bed.policy.limits.query_timeout_ms = 100;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let failure = bed.probe_fails(json!([query(endless)])).await;
    assert_failure(&failure, Code::LimitExceeded, &["100", "limits.query_timeout_ms"]);

    bed.policy.limits.query_timeout_ms = 60_000;
    bed.policy.limits.query_rows_max = 5;
    let rows = |count| {
        query(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n"
        ))
    };
    assert_eq!(bed.probe(json!([rows(5)])).await[0]["rows"].as_array().unwrap().len(), 5);
    let failure = bed.probe_fails(json!([rows(6)])).await;
    assert_failure(&failure, Code::LimitExceeded, &["5", "limits.query_rows_max"]);
}

#[tokio::test]
async fn a_query_has_so_much_memory() {
    let mut bed = bed(json!({}));
    bed.policy.limits.query_memory_bytes_max = 32 << 20;
    let blobs = |count: usize, between: &str| vec!["randomblob(1000000)"; count].join(between);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)";
    for greedy in [
        // A wide row, values within an expression, a sort, rows to be told apart.
        format!("SELECT {}", blobs(200, ", ")),
        format!("SELECT length({}){}", blobs(200, " || ("), ")".repeat(199)),
        format!("{numbers} SELECT i FROM n ORDER BY randomblob(200)"),
        format!("{numbers} SELECT count(DISTINCT randomblob(200) || i) FROM n"),
    ] {
        let failure = bed.probe_fails(json!([query(&greedy)])).await;
        let limit = "33554432 (limits.query_memory_bytes_max in probe.toml)";
        assert_failure(&failure, Code::LimitExceeded, &[limit]);
    }
    // What a query has given back is there for the next.
    let again = query("SELECT length(randomblob(10000000))");
    let answers = bed.probe(json!(vec![again; 8])).await;
    assert_eq!(answers[7]["rows"], json!([[10_000_000]]));
}

#[tokio::test]
async fn a_row_has_so_many_bytes() {
    let mut bed = bed(json!({}));
    bed.policy.limits.query_value_bytes_max = 100_000;
    let fits = bed.probe(json!([query("SELECT zeroblob(50000), zeroblob(50000)")])).await;
    assert_eq!(fits[0]["rows"].as_array().map(Vec::len), Some(1), "{fits}");
    let failure = bed.probe_fails(json!([query("SELECT zeroblob(60000), zeroblob(60000)")])).await;
    let limit = "100000 (limits.query_value_bytes_max in probe.toml)";
    assert_failure(&failure, Code::LimitExceeded, &["row 1", "60000 bytes in its column", limit]);
    // One value is too large by itself: the job is told which, and may go on.
    let sql = "SELECT id, zeroblob(id * 70000) AS photo FROM (SELECT 1 AS id UNION ALL SELECT 2)";
    let answers = bed.probe(json!([query(sql)])).await;
    let message = answers[0]["message"].as_str().unwrap();
    assert_eq!(answers[0]["code"], "query_failed", "{answers}");
    let words = ["row 2", "140000 bytes in its column \"photo\"", limit];
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

#[tokio::test]
async fn a_job_writes_only_to_whom_it_may() {
    let mut bed = Bed::new();
    let grants = json!({"outbox": ["email"], "recipients": {"email": ["*@example.com"]}});
    bed.policy.grants = serde_json::from_value::<Grants>(grants).unwrap();
    let send = |recipient: &str| json!([{"send": {"channel": "email", "key": "a", "recipient": recipient}}]);
    assert_eq!(bed.probe(send("Ann@Example.com")).await, json!([null]));
    for stranger in ["ann@example.com.test", "eve@evil.test", "eve@evil.test,ann@example.com", ""] {
        let answers = bed.probe(send(stranger)).await;
        assert_eq!(answers[0]["code"], "recipient_not_granted", "{answers}");
        let message = answers[0]["message"].as_str().unwrap();
        let words = ["[grants.recipients] in probe.toml", "\"*@example.com\"", &format!("{stranger:?}")];
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

/// A channel that takes addresses only.
#[derive(Debug)]
struct Addresses;

impl RecipientCheck for Addresses {
    fn check(&self, channel: &str, recipient: &str) -> Result<(), String> {
        let is_address = channel == "email" && recipient.contains('@');
        if is_address { Ok(()) } else { Err(format!("{recipient:?} is no email address")) }
    }
}

#[tokio::test]
async fn one_bad_recipient_of_many_is_told_to_the_job_and_the_others_are_sent() {
    let mut bed = Bed::with(|_, options| options.recipients = Arc::new(Addresses));
    bed.policy.grants.outbox = vec!["email".into()];
    let send = |key: &str, recipient: &str| json!({"send": {"channel": "email", "key": key, "recipient": recipient}});
    let many = json!([
        send("a", "a@example.com"),
        send("b", "nobody"),
        send("c", "c@x\r\nBcc: d@x"),
        send("d", "d@example.com")
    ]);
    let answers = bed.probe(many).await;
    assert_eq!((&answers[0], &answers[3]), (&Value::Null, &Value::Null), "{answers}");
    for bad in [&answers[1], &answers[2]] {
        assert_eq!(bad["code"], "invalid_recipient", "{answers}");
    }
    assert!(answers[1]["message"].as_str().unwrap().contains("\"nobody\" is no email address"), "{answers}");
}
