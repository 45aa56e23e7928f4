//! The job type `notifications`: messages that follow from the data, put into the outbox for the host to deliver.
//!
//! One kind so far: [`replenishment`], which writes to suppliers about products that run low.

mod replenishment;
mod run;

use longshore_plugin::prelude::*;

/// The job type.
pub struct Notifications;

impl Job for Notifications {
    const NAME: &'static str = "notifications";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const TITLE: &'static str = "Notifications";
    const DESCRIPTION: &'static str = "Finds what somebody should be told and sends the messages. The kind \
        stock_replenishment finds products that are below their reorder level and writes each supplier one message \
        with the products, their stock and the quantity to order. Give supplier_id to write to one supplier only. \
        Each message of a job is delivered once, however often it is interrupted; a new job writes to the suppliers \
        again, so use retry_job for one that failed. The result has the numbers of \
        messages, suppliers and products, and the suppliers whose address cannot be written to.";
    type Input = run::Input;
    type Output = run::Output;
    type State = run::State;

    fn permissions() -> Vec<Permission> {
        vec![
            Permission::data("*", "Reads products and suppliers."),
            Permission::outbox("*", "Sends the messages through the channel that the input names."),
        ]
    }

    fn run(ctx: &Context<Self::State>, input: Self::Input) -> Result<Self::Output> {
        run::run(ctx, &input)
    }
}

longshore_plugin::export!(Notifications);
