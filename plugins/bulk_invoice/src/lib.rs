//! The job type `bulk_invoice`: a GST tax invoice (PDF) for each order of a city and month, all in one ZIP, with a
//! register (CSV).
//!
//! [`orders`] reads, [`tax`] computes, [`invoice`] numbers, [`pdf`] and [`register`] write, [`zip`] packs, and
//! [`run`](mod@run) leads each order through them.

mod invoice;
mod money;
mod month;
mod orders;
mod pdf;
mod register;
mod run;
mod tax;
mod words;
mod zip;

use longshore_plugin::prelude::*;

/// The job type.
pub struct BulkInvoice;

impl Job for BulkInvoice {
    const NAME: &'static str = "bulk_invoice";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const TITLE: &'static str = "Bulk invoice";
    const DESCRIPTION: &'static str = "Makes the GST tax invoices of one city and month: a PDF for each order, all of \
        them in one ZIP with a register (CSV). Give the city of the branch, such as Delhi, and the month as YYYY-MM. \
        Invoice numbers follow from the orders, so doing it again gives the same ones. The result has the number of \
        invoices, the totals and the files' names. If there are no such orders, the error says which cities and \
        months have some.";
    const STATE_FORMAT: longshore_plugin::StateFormat = longshore_plugin::StateFormat::Compact;
    type Input = run::Input;
    type Output = run::Output;
    type State = run::State;

    fn permissions() -> Vec<Permission> {
        vec![Permission::data("*", "Reads orders, their lines, customers and branches.")]
    }

    fn run(ctx: &Context<Self::State>, input: Self::Input) -> Result<Self::Output> {
        run::run(ctx, &input)
    }
}

longshore_plugin::export!(BulkInvoice);
