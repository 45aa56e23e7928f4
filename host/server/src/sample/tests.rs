//! What the rest of the project counts on.

use std::sync::LazyLock;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

use super::{SampleError, gstin, tax, write_shop};

struct Shop {
    _folder: TempDir,
    connection: Connection,
}

/// A shop of the test's own. All but the first are copies, because a debug build writes for two seconds.
fn shop() -> Shop {
    static FIRST: LazyLock<Vec<u8>> = LazyLock::new(write_bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    std::fs::write(&path, &*FIRST).unwrap();
    Shop { _folder: folder, connection: Connection::open(path).unwrap() }
}

fn write_bytes() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    write_shop(&path).unwrap();
    std::fs::read(path).unwrap()
}

impl Shop {
    fn number(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let mut statement = self.connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// FNV-1a over every value of every table.
    fn content_hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain(b"\0") {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for (table, key) in [
            ("branches", "code"),
            ("customers", "id"),
            ("suppliers", "id"),
            ("products", "id"),
            ("orders", "id"),
            ("order_lines", "order_id, line_no"),
        ] {
            add(table.as_bytes());
            let sql = format!("SELECT * FROM {table} ORDER BY {key}");
            let mut statement = self.connection.prepare(&sql).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    match row.get_ref(column).unwrap() {
                        ValueRef::Null => add(b"NULL"),
                        ValueRef::Integer(number) => add(&number.to_le_bytes()),
                        ValueRef::Text(text) => add(text),
                        other => panic!("{table} holds {other:?}"),
                    }
                }
            }
        }
        hash
    }
}

#[test]
fn delhi_has_1842_orders_in_march_2026() {
    let shop = shop();
    let sql = "SELECT count(*) FROM orders
               WHERE city = 'Delhi' AND ordered_at >= '2026-03-01' AND ordered_at < '2026-04-01'";
    assert_eq!(shop.number(sql), 1842);
}

#[test]
fn the_shop_has_the_promised_size_and_shape() {
    let shop = shop();
    let orders = shop.number("SELECT count(*) FROM orders");
    assert!((60_000..=80_000).contains(&orders), "{orders} orders");
    assert_eq!(shop.number("SELECT count(*) FROM branches"), 10);
    assert_eq!(shop.number("SELECT count(*) FROM suppliers"), 25);
    let products = shop.number("SELECT count(*) FROM products");
    assert!((190..=210).contains(&products), "{products} products");
    let low = shop.number("SELECT count(*) FROM low_stock");
    assert!((30..=50).contains(&low), "{low} products below their level");
    let suppliers = shop.number("SELECT count(DISTINCT supplier_id) FROM low_stock");
    assert!((13..=17).contains(&suppliers), "they come from {suppliers} suppliers");
    assert_eq!(shop.number("SELECT count(*) FROM order_summary WHERE lines NOT BETWEEN 1 AND 5"), 0);
    let first_and_last = shop.texts("SELECT min(ordered_at) || ' ' || max(ordered_at) FROM orders");
    assert!(first_and_last[0].starts_with("2024-07-01T"), "{first_and_last:?}");
    assert!(first_and_last[0].contains(" 2026-06-30T"), "{first_and_last:?}");
    let unordered = "SELECT count(*) FROM orders a JOIN orders b ON b.id = a.id + 1
                     WHERE b.ordered_at < a.ordered_at";
    assert_eq!(shop.number(unordered), 0);
    assert_eq!(shop.texts("SELECT * FROM pragma_integrity_check"), ["ok"]);
    assert_eq!(shop.number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

#[test]
fn tax_follows_from_the_lines_and_the_place_of_supply() {
    let shop = shop();
    let sql =
        "SELECT o.id, o.ship_to_state_code <> b.state_code, l.quantity * l.unit_price_paise, l.gst_rate,
                      o.taxable_paise, o.cgst_paise, o.sgst_paise, o.igst_paise, o.total_paise
               FROM orders o JOIN branches b ON b.code = o.branch_code JOIN order_lines l ON l.order_id = o.id
               ORDER BY o.id";
    let mut statement = shop.connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut current: Option<(i64, [i64; 5])> = None;
    let mut sums = tax::Sums::default();
    let check = |current: Option<(i64, [i64; 5])>, s: tax::Sums| {
        if let Some((id, stored)) = current {
            assert_eq!(stored, [s.taxable, s.cgst, s.sgst, s.igst, s.total()], "order {id}");
        }
    };
    while let Some(row) = rows.next().unwrap() {
        let id: i64 = row.get(0).unwrap();
        if current.is_none_or(|(of, _)| of != id) {
            check(current, sums);
            sums = tax::Sums::default();
            current = Some((id, std::array::from_fn(|n| row.get(4 + n).unwrap())));
        }
        sums.add(row.get(2).unwrap(), row.get(3).unwrap(), row.get(1).unwrap());
    }
    check(current, sums);
}

#[test]
fn every_city_and_month_has_both_kinds_of_tax() {
    let shop = shop();
    let sql =
        "SELECT city || ' ' || substr(ordered_at, 1, 7) || ': ' || sum(igst_paise > 0) || ' of ' || count(*)
               FROM orders GROUP BY city, substr(ordered_at, 1, 7)
               HAVING sum(igst_paise > 0) = 0 OR sum(cgst_paise > 0) = 0";
    assert_eq!(shop.texts(sql), Vec::<String>::new());
    assert_eq!(shop.number("SELECT count(DISTINCT city || substr(ordered_at, 1, 7)) FROM orders"), 240);
    let outside = "SELECT city || ' ' || (100 * sum(igst_paise > 0) / count(*)) FROM orders GROUP BY city
                   HAVING 100 * sum(igst_paise > 0) / count(*) NOT BETWEEN 10 AND 20";
    assert_eq!(shop.texts(outside), Vec::<String>::new());
}

#[test]
fn every_gstin_is_valid() {
    let shop = shop();
    let numbers =
        shop.texts("SELECT gstin FROM branches UNION ALL SELECT gstin FROM customers WHERE gstin NOT NULL");
    assert!(numbers.len() > 100);
    for number in numbers {
        assert!(gstin::is_valid(&number), "{number}");
    }
}

#[test]
fn two_writes_are_equal_and_so_are_all_machines() {
    assert!(write_bytes() == write_bytes(), "files differ");
    // The sample is part of the documentation: whoever means to change it changes this number too.
    assert_eq!(format!("{:016x}", shop().content_hash()), "98827e53ccb5cabc");
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(write_shop(&path), Err(SampleError::Exists(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}
