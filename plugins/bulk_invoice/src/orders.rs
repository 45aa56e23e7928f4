//! Reading a month's orders: one ordered query for all of them with their lines.

use crate::month::Month;
use longshore_plugin::prelude::*;
use longshore_plugin::{Cursor, Row, RowDigest, Source};
use std::collections::VecDeque;

/// Lines asked for at a time.
const ROWS_PER_BATCH: u32 = 500;

/// Who sells.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) code: String,
    pub(crate) legal_name: String,
    pub(crate) gstin: String,
    pub(crate) address: String,
    pub(crate) state: String,
    pub(crate) state_code: String,
}

/// Who buys, or where the goods go.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) state_code: String,
    pub(crate) pincode: String,
    pub(crate) gstin: Option<String>,
}

/// A line of an order.
#[derive(Clone, Debug)]
pub(crate) struct OrderLine {
    pub(crate) description: String,
    pub(crate) hsn: String,
    pub(crate) quantity: i64,
    pub(crate) unit_price_paise: i64,
    pub(crate) gst_rate: i64,
}

/// An order with its lines.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) ordered_at: String,
    pub(crate) branch: Branch,
    pub(crate) buyer: Party,
    pub(crate) ship_to: Party,
    pub(crate) lines: Vec<OrderLine>,
    /// What the database says is to be paid.
    pub(crate) total_paise: i64,
    /// Of all rows up to the order's last.
    pub(crate) digest: RowDigest,
}

/// The orders that are invoiced together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selection {
    /// As the database spells it.
    pub(crate) city: String,
    pub(crate) month: Month,
    /// How many orders there are.
    pub(crate) count: u64,
}

const CHOSEN: &str = "o.city = ? AND o.ordered_at >= ? AND o.ordered_at < ?";

impl Selection {
    /// Finds the city whatever its case, and counts. When there is nothing to invoice, says what there is.
    pub(crate) fn find(source: &Source, city: &str, month: Month) -> Result<Self> {
        let cities: Vec<String> =
            source.list("SELECT DISTINCT city FROM branches ORDER BY city", &[], |row| row.at(0))?;
        let wanted = city.trim().to_lowercase();
        let Some(city) = cities.iter().find(|city| city.to_lowercase() == wanted) else {
            let cities = cities.join(", ");
            return Err(JobError::invalid_input(format!(
                "city: there is no branch in `{city}`; there are branches in: {cities}"
            )));
        };
        let mut selection = Self { city: city.clone(), month, count: 0 };
        let count = format!("SELECT count(*) FROM orders AS o WHERE {CHOSEN}");
        selection.count = source.one(&count, &selection.params(), |row| row.at(0))?;
        if selection.count == 0 {
            let range = "SELECT min(substr(ordered_at, 1, 7)), max(substr(ordered_at, 1, 7)) FROM orders WHERE city = ?";
            let (first, last): (Option<String>, Option<String>) =
                source.one(range, &[city.as_str().into()], |row| Ok((row.at(0)?, row.at(1)?)))?;
            return Err(JobError::invalid_input(match (first, last) {
                (Some(first), Some(last)) => {
                    format!("month: {city} has no orders in {month}; it has orders from {first} to {last}")
                }
                _ => format!("city: {city} has no orders at all"),
            }));
        }
        Ok(selection)
    }

    /// Starts reading at the first order. The order is by time, then id: a total one, so an order's place in it is its
    /// invoice number.
    pub(crate) fn open(&self, source: &Source) -> Result<Orders> {
        let sql = format!(
            "SELECT o.id, o.ordered_at, o.total_paise,
                    b.code, b.legal_name, b.gstin, b.address, b.state, b.state_code,
                    c.name AS buyer_name, c.address AS buyer_address, c.city AS buyer_city, c.state AS buyer_state,
                    c.state_code AS buyer_state_code, c.pincode AS buyer_pincode, c.gstin AS buyer_gstin,
                    o.ship_to_name, o.ship_to_address, o.ship_to_city, o.ship_to_state, o.ship_to_state_code,
                    o.ship_to_pincode, NULL AS ship_to_gstin,
                    l.line_no, l.description, l.hsn, l.quantity, l.unit_price_paise, l.gst_rate
             FROM orders AS o
             LEFT JOIN branches AS b ON b.code = o.branch_code
             LEFT JOIN customers AS c ON c.id = o.customer_id
             LEFT JOIN order_lines AS l ON l.order_id = o.id
             WHERE {CHOSEN}
             ORDER BY o.ordered_at, o.id, l.line_no"
        );
        let cursor = source.query(&sql, &self.params())?;
        Ok(Orders { cursor, read: VecDeque::new(), digest: RowDigest::default(), ended: false })
    }

    fn params(&self) -> Vec<Value> {
        let (from, to) = (self.month.to_string(), self.month.next().to_string());
        vec![self.city.as_str().into(), from.into(), to.into()]
    }
}

/// Orders being read.
pub(crate) struct Orders {
    cursor: Cursor,
    /// Orders that were read; more lines of the last may still come.
    read: VecDeque<Order>,
    /// Of all rows so far.
    digest: RowDigest,
    ended: bool,
}

impl Orders {
    /// The next order, whole.
    pub(crate) fn next(&mut self) -> Result<Option<Order>> {
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
        if self.read.back().is_none_or(|order| order.id != id) {
            let order = order(row).map_err(|error| JobError::failed(format!("order {id}: {error}")))?;
            self.read.push_back(order);
        }
        self.digest.add(row.span());
        if let Some(order) = self.read.back_mut() {
            order.digest.clone_from(&self.digest);
            if row.get::<Option<i64>>("line_no")?.is_some() {
                order.lines.push(line(row)?);
            }
        }
        Ok(())
    }
}

fn order(row: Row<'_>) -> Result<Order> {
    Ok(Order {
        id: row.get("id")?,
        ordered_at: row.get("ordered_at")?,
        branch: Branch {
            code: row.get("code")?,
            legal_name: row.get("legal_name")?,
            gstin: row.get("gstin")?,
            address: row.get("address")?,
            state: row.get("state")?,
            state_code: row.get("state_code")?,
        },
        buyer: party(row, "buyer")?,
        ship_to: party(row, "ship_to")?,
        lines: Vec::new(),
        total_paise: row.get("total_paise")?,
        digest: RowDigest::default(),
    })
}

fn party(row: Row<'_>, who: &str) -> Result<Party> {
    let text = |what: &str| row.get::<Option<String>>(&format!("{who}_{what}"));
    Ok(Party {
        name: text("name")?.unwrap_or_default(),
        address: text("address")?.unwrap_or_default(),
        city: text("city")?.unwrap_or_default(),
        state: text("state")?.unwrap_or_default(),
        state_code: text("state_code")?.unwrap_or_default(),
        pincode: text("pincode")?.unwrap_or_default(),
        gstin: text("gstin")?.filter(|gstin| !gstin.is_empty()),
    })
}

fn line(row: Row<'_>) -> Result<OrderLine> {
    Ok(OrderLine {
        description: row.get("description")?,
        hsn: row.get("hsn")?,
        quantity: row.get("quantity")?,
        unit_price_paise: row.get("unit_price_paise")?,
        gst_rate: row.get("gst_rate")?,
    })
}
