//! Two years of orders, in the order of time.

use jiff::civil::{Date, date};
use rusqlite::{CachedStatement, Transaction, params};

use super::calendar::{self, END};
use super::customers::{Address, Customer, deliver, person};
use super::dice::Dice;
use super::places::{BRANCHES, Branch};
use super::products::Product;
use super::tax::{Sums, div_half_up};

/// How likely orders are in each hour of the day.
const HOURS: [u64; 24] =
    [6, 3, 1, 1, 1, 2, 6, 14, 26, 42, 58, 64, 60, 52, 46, 44, 48, 56, 66, 78, 84, 72, 44, 18];

/// How likely one, two, … five lines are.
const LINES: [u64; 5] = [38, 28, 18, 10, 6];

/// How likely quantities of one to six are, for cheap goods.
const QUANTITIES: [u64; 6] = [50, 24, 10, 7, 4, 5];

/// Prices rose with this financial year; before it they were 4 % lower.
const PRICES_ROSE: Date = date(2025, 4, 1);

/// An order's place in time: day, second of the day, branch, and which of the branch's that month.
type Slot = (Date, u64, usize, u64);

/// Writes every order with its lines.
pub(super) fn write(
    tx: &Transaction<'_>,
    dice: &mut Dice,
    products: &[Product],
    customers: &[Vec<Customer>],
) -> rusqlite::Result<()> {
    let mut writer = Writer {
        order: tx.prepare_cached(
            "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?,
        line: tx.prepare_cached("INSERT INTO order_lines VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?,
        next_id: 1,
        products,
    };
    for first in calendar::months() {
        for slot in slots(first, dice) {
            writer.write(&slot, &customers[slot.2], dice)?;
        }
    }
    Ok(())
}

/// The orders of one month over all branches, ascending in time.
fn slots(first: Date, dice: &mut Dice) -> Vec<Slot> {
    let days: Vec<Date> = calendar::days(first).collect();
    let mut slots = Vec::new();
    for (index, branch) in BRANCHES.iter().enumerate() {
        let demand: Vec<u64> = days.iter().map(|day| calendar::demand(branch, *day)).collect();
        for number in 0..calendar::orders(branch, first, &demand) {
            let day = days[dice.weighted(&demand)];
            let second = dice.weighted(&HOURS) as u64 * 3600 + dice.below(3600);
            slots.push((day, second, index, number));
        }
    }
    slots.sort_unstable();
    slots
}

struct Writer<'a> {
    order: CachedStatement<'a>,
    line: CachedStatement<'a>,
    next_id: i64,
    products: &'a [Product],
}

impl Writer<'_> {
    fn write(&mut self, slot: &Slot, customers: &[Customer], dice: &mut Dice) -> rusqlite::Result<()> {
        let (day, second, branch, _) = *slot;
        let branch = &BRANCHES[branch];
        let id = self.next_id;
        self.next_id += 1;

        let customer = &customers[dice.favourite(customers.len())];
        let ship_to = ship_to(customer, branch, dice);
        let across = ship_to.state_code != branch.home.state_code;

        let lines = draw_lines(self.products, day, dice);
        let mut sums = Sums::default();
        for (product, quantity, price) in &lines {
            sums.add(quantity * price, product.gst_rate, across);
        }
        self.order.execute(params![
            id,
            branch.code,
            customer.id,
            format!("{day}T{:02}:{:02}:{:02}+05:30", second / 3600, second / 60 % 60, second % 60),
            branch.home.city,
            status(day, dice),
            ship_to.name,
            ship_to.street,
            ship_to.city,
            ship_to.state,
            ship_to.state_code,
            ship_to.pincode,
            sums.taxable,
            sums.cgst,
            sums.sgst,
            sums.igst,
            sums.total(),
        ])?;
        for (line_no, (product, quantity, price)) in (1_i64..).zip(lines) {
            self.line.execute(params![
                id,
                line_no,
                product.id,
                product.name,
                product.hsn,
                quantity,
                price,
                product.gst_rate
            ])?;
        }
        Ok(())
    }
}

/// Products, quantities and the day's prices of one order; no product twice.
fn draw_lines<'a>(products: &'a [Product], day: Date, dice: &mut Dice) -> Vec<(&'a Product, i64, i64)> {
    let mut lines: Vec<(&Product, i64, i64)> = Vec::new();
    for _ in 0..=dice.weighted(&LINES) {
        let product = &products[dice.favourite(products.len())];
        if lines.iter().any(|line| line.0.id == product.id) {
            continue;
        }
        let quantity = if product.price_paise < 100_000 { 1 + dice.weighted(&QUANTITIES) as i64 } else { 1 };
        let price = product.price_paise;
        let price = if day < PRICES_ROSE { div_half_up(price * 96, 100) } else { price };
        lines.push((product, quantity, price));
    }
    lines
}

/// Mostly the customer's own address; some orders are presents for others, here or across the border.
fn ship_to(customer: &Customer, branch: &Branch, dice: &mut Dice) -> Address {
    if !dice.chance(40) {
        return customer.home.clone();
    }
    let (name, _) = person(branch.region, dice, false);
    let place = if dice.chance(200) { dice.pick(branch.across) } else { &branch.home };
    deliver(name, branch, place, dice, false)
}

/// Orders of the last days are still on their way.
fn status(day: Date, dice: &mut Dice) -> &'static str {
    let age = day.until(END).map_or(0, |span| span.get_days());
    match age {
        0 | 1 => "placed",
        2..=6 if dice.chance(700) => "shipped",
        _ => "delivered",
    }
}
