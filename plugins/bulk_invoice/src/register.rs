//! The register: a CSV with a row for each invoice.

use crate::invoice::Invoice;
use crate::money::decimal;
use longshore_plugin::csv::Formulas;
use longshore_plugin::prelude::*;

const HEADER: [&str; 16] = [
    "invoice_number",
    "invoice_date",
    "order_id",
    "seller_gstin",
    "buyer",
    "buyer_gstin",
    "place_of_supply",
    "place_of_supply_code",
    "lines",
    "taxable",
    "cgst",
    "sgst",
    "igst",
    "total",
    "total_paise",
    "file",
];

/// The register's first line.
pub(crate) fn header() -> Result<Vec<u8>> {
    line(&HEADER)
}

/// An invoice's line. Names are a stranger's texts, so people may want what looks like a formula escaped.
pub(crate) fn row(invoice: &Invoice, formulas: Formulas) -> Result<Vec<u8>> {
    let (order, sum) = (&invoice.order, &invoice.sum);
    let text =
        |text: &str| if formulas.escapes(text.as_bytes()) { format!("'{text}") } else { text.to_owned() };
    line(&[
        &text(&invoice.number),
        &order.ordered_at[..10],
        &order.id.to_string(),
        &text(&order.branch.gstin),
        &text(&order.buyer.name),
        &text(order.buyer.gstin.as_deref().unwrap_or_default()),
        &text(&order.ship_to.state),
        &text(&order.ship_to.state_code),
        &invoice.lines.len().to_string(),
        &decimal(sum.taxable),
        &decimal(sum.cgst),
        &decimal(sum.sgst),
        &decimal(sum.igst),
        &decimal(sum.total()),
        &sum.total().to_string(),
        &invoice.file_name(),
    ])
}

fn line(fields: &[&str; HEADER.len()]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(fields)?;
    writer.into_inner().map_err(|error| JobError::failed(error.to_string()))
}
