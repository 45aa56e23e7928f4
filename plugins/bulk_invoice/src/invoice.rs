//! An invoice: an order with its number and its tax.

use crate::month::LocalTime;
use crate::orders::{Order, OrderLine};
use crate::tax::{self, Amounts, Supply};
use longshore_plugin::prelude::*;

/// The law (rule 46 of the CGST rules) allows an invoice number this many characters.
const NUMBER_CHARS_MAX: usize = 16;

/// An order with its number and its tax.
#[derive(Debug)]
pub(crate) struct Invoice {
    /// Such as `DEL/2603/00001`.
    pub(crate) number: String,
    pub(crate) time: LocalTime,
    pub(crate) supply: Supply,
    /// One for each line of the order.
    pub(crate) lines: Vec<Amounts>,
    pub(crate) sum: Amounts,
    pub(crate) order: Order,
}

impl Invoice {
    /// Makes the invoice of the order that is number `ordinal` (from 1) of its city and month.
    ///
    /// The number comes from the data alone, so no attempt and no repetition of the task gives an order another.
    pub(crate) fn new(order: Order, ordinal: u64) -> Result<Self> {
        let time = LocalTime::parse(&order.ordered_at)?;
        let (year, month) = (time.month.year % 100, time.month.month);
        let number = format!("{}/{year:02}{month:02}/{ordinal:05}", order.branch.code);
        if number.chars().count() > NUMBER_CHARS_MAX {
            return Err(JobError::failed(format!(
                "the invoice number {number} would be longer than the {NUMBER_CHARS_MAX} characters that GST allows"
            )));
        }
        let supply = Supply::between(&order.branch.state_code, &order.ship_to.state_code);
        let amounts =
            |line: &OrderLine| tax::line(supply, line.quantity, line.unit_price_paise, line.gst_rate);
        let lines = order.lines.iter().map(amounts).collect::<Result<Vec<_>>>()?;
        let mut sum = Amounts::default();
        for line in &lines {
            sum += *line;
        }
        Ok(Self { number, time, supply, lines, sum, order })
    }

    /// Name of its file: the number, with a dash for what a file's name cannot have on some system.
    pub(crate) fn file_name(&self) -> String {
        let is_plain = |c: char| !(c.is_control() || r#"/\<>:"|?*"#.contains(c));
        let plain = |c: char| if is_plain(c) { c } else { '-' };
        format!("INV-{}.pdf", self.number.chars().map(plain).collect::<String>())
    }
}
