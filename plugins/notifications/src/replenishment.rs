//! Products below their reorder level, gathered by supplier, and the message to each.

use longshore_plugin::prelude::*;
use longshore_plugin::{Cursor, Row, Source};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Products asked for at a time.
const ROWS_PER_BATCH: u32 = 500;

/// A supplier with what should be ordered.
#[derive(Clone, Debug)]
pub(crate) struct Supplier {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) products: Vec<Product>,
}

/// A product that runs low.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    sku: String,
    name: String,
    stock: i64,
    reorder_level: i64,
    reorder_quantity: i64,
}

/// Which suppliers there are to write to.
const LOW: &str =
    "FROM products AS p JOIN suppliers AS s ON s.id = p.supplier_id WHERE p.stock < p.reorder_level";

/// How many suppliers there are to write to, all in all.
pub(crate) fn count(source: &Source, only: Option<i64>) -> Result<u64> {
    let (and, params) = chosen(None, only);
    source.one(&format!("SELECT count(DISTINCT s.id) {LOW}{and}"), &params, |row| row.at(0))
}

/// Whether there is such a supplier.
pub(crate) fn exists(source: &Source, supplier: i64) -> Result<bool> {
    let sql = "SELECT count(*) FROM suppliers WHERE id = ?";
    source.one(sql, &[Value::Integer(supplier)], |row| Ok(row.at::<i64>(0)? > 0))
}

/// The suppliers after the one of the id `after`, by id.
pub(crate) fn suppliers(source: &Source, after: Option<i64>, only: Option<i64>) -> Result<Suppliers> {
    let (and, params) = chosen(after, only);
    let sql = format!(
        "SELECT s.id, s.name AS supplier, s.email, p.sku, p.name, p.stock, p.reorder_level, p.reorder_quantity
         {LOW}{and} ORDER BY s.id, p.sku, p.id"
    );
    Ok(Suppliers { cursor: source.query(&sql, &params)?, read: VecDeque::new(), ended: false })
}

fn chosen(after: Option<i64>, only: Option<i64>) -> (String, Vec<Value>) {
    let mut and = String::new();
    let mut params = Vec::new();
    for (condition, id) in [(" AND s.id > ?", after), (" AND s.id = ?", only)] {
        if let Some(id) = id {
            and.push_str(condition);
            params.push(Value::Integer(id));
        }
    }
    (and, params)
}

/// Suppliers being read.
pub(crate) struct Suppliers {
    cursor: Cursor,
    /// Suppliers that were read; more products of the last may still come.
    read: VecDeque<Supplier>,
    ended: bool,
}

impl Suppliers {
    /// The next supplier, with all products.
    pub(crate) fn next(&mut self) -> Result<Option<Supplier>> {
        while self.read.len() < 2 && !self.ended {
            match self.cursor.next_batch(ROWS_PER_BATCH)? {
                Some(batch) => batch.rows().try_for_each(|row| self.add(row))?,
                None => self.ended = true,
            }
        }
        Ok(self.read.pop_front())
    }

    fn add(&mut self, row: Row<'_>) -> Result<()> {
        let id: i64 = row.get("id")?;
        let product = Product {
            sku: row.get("sku")?,
            name: row.get("name")?,
            stock: row.get("stock")?,
            reorder_level: row.get("reorder_level")?,
            reorder_quantity: row.get("reorder_quantity")?,
        };
        match self.read.back_mut().filter(|supplier| supplier.id == id) {
            Some(supplier) => supplier.products.push(product),
            None => self.read.push_back(Supplier {
                id,
                name: row.get("supplier")?,
                email: row.get::<Option<String>>("email")?.filter(|email| !email.trim().is_empty()),
                products: vec![product],
            }),
        }
        Ok(())
    }
}

impl Product {
    /// What to order: the usual quantity, as often as it takes to be above the level again.
    fn suggested(&self) -> i64 {
        let missing = self.reorder_level.saturating_sub(self.stock).max(1);
        let usual = self.reorder_quantity.max(1);
        missing.saturating_add(usual - 1) / usual * usual
    }
}

impl Supplier {
    /// The subject line.
    pub(crate) fn subject(&self, date: &str) -> String {
        match self.products.len() {
            1 => format!("Replenishment request {date}: 1 product"),
            many => format!("Replenishment request {date}: {many} products"),
        }
    }

    /// The body, as plain text in columns.
    pub(crate) fn body(&self) -> String {
        let width = |of: fn(&Product) -> &str, heading: &str| {
            self.products
                .iter()
                .map(|product| of(product).chars().count())
                .max()
                .unwrap_or(0)
                .max(heading.len())
        };
        let (sku, name) = (width(|product| &product.sku, "SKU"), width(|product| &product.name, "Product"));
        let mut body = format!(
            "Dear {},\n\nthese products are below their reorder level. Please supply the quantities suggested.\n\n",
            self.name
        );
        let heading =
            format!("{:sku$}  {:name$}  {:>7}  {:>7}  {:>7}", "SKU", "Product", "Stock", "Level", "Order");
        let _ = writeln!(body, "{heading}\n{}", "-".repeat(heading.len())); // writing to a String cannot fail
        for product in &self.products {
            let Product { stock, reorder_level, .. } = product;
            let _ = writeln!(
                body,
                "{:sku$}  {:name$}  {stock:>7}  {reorder_level:>7}  {:>7}",
                product.sku,
                product.name,
                product.suggested()
            );
        }
        body.push_str("\nThis message was made by the shop's stock system.\n");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(sku: &str, stock: i64, reorder_level: i64, reorder_quantity: i64) -> Product {
        Product { sku: sku.into(), name: "Teapot".into(), stock, reorder_level, reorder_quantity }
    }

    #[test]
    fn whole_lots_are_suggested_until_the_level_is_reached() {
        assert_eq!(product("a", 5, 10, 50).suggested(), 50);
        assert_eq!(product("a", 0, 120, 50).suggested(), 150);
        assert_eq!(product("a", 5, 10, 0).suggested(), 5);
    }

    #[test]
    fn the_body_lists_products_in_columns() {
        let products = vec![product("TEA-01", 3, 10, 24), product("K-2", 0, 5, 12)];
        let supplier = Supplier { id: 1, name: "Nilgiri Traders".into(), email: None, products };
        let body = supplier.body();
        assert!(body.contains("SKU     Product    Stock    Level    Order\n"), "{body}");
        assert!(body.contains("TEA-01  Teapot         3       10       24\n"), "{body}");
        assert!(body.contains("K-2     Teapot         0        5       12\n"), "{body}");
    }
}
