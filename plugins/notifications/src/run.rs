//! From the input to the outbox.

use crate::replenishment::{self, Supplier};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use longshore_plugin::prelude::*;

/// Suppliers from one save to the next.
const SUPPLIERS_PER_SAVE: u64 = 50;

/// Suppliers with a bad address that the result lists.
const NOT_SENT_MAX: usize = 50;

/// Characters of a name or an address that the result lists.
const TEXT_CHARS_MAX: usize = 200;

/// What to look for, and how to tell.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What to look for.
    #[serde(default)]
    pub kind: Kind,
    /// Channel to send through: one that the operator granted, such as `email` or `webhook`.
    #[serde(default = "email")]
    #[schemars(length(min = 1, max = 64))]
    pub channel: String,
    /// Write to this supplier only.
    pub supplier_id: Option<i64>,
    /// Data source with the shop's tables. May be left out when the job was granted only one.
    pub source: Option<String>,
}

/// What to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Products below their reorder level: one message to each supplier.
    #[default]
    StockReplenishment,
}

fn email() -> String {
    "email".into()
}

/// What the job gives.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// What was looked for.
    pub kind: Kind,
    /// Channel that was used.
    pub channel: String,
    /// Products below their reorder level.
    pub products: u64,
    /// The same, under the name that every job has.
    pub records_processed: u64,
    /// Suppliers of such products.
    pub suppliers: u64,
    /// Messages put into the outbox.
    pub messages: u64,
    /// Suppliers that have no address and were not written to; the log names them.
    pub without_address: u64,
    /// Suppliers whose address cannot be written to.
    pub refused: u64,
    /// The first of those, with the reason.
    pub not_sent: Vec<NotSent>,
}

/// A supplier that was not written to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NotSent {
    /// Its id.
    pub supplier_id: i64,
    /// Its name.
    pub supplier: String,
    /// The address that was found.
    pub recipient: String,
    /// Why no message can go there.
    pub reason: String,
}

/// What an attempt goes on from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Id of the last supplier that is done.
    after: Option<i64>,
    suppliers: u64,
    products: u64,
    messages: u64,
    without_address: u64,
    #[serde(default)]
    refused: u64,
    #[serde(default)]
    not_sent: Vec<NotSent>,
}

/// Runs one attempt.
pub(crate) fn run(ctx: &Context<State>, input: &Input) -> Result<Output> {
    let Kind::StockReplenishment = input.kind;
    let source = ctx.source(input.source.as_deref())?;
    let date = indian_date(ctx.task().created_at_ms)?;
    let mut state = ctx.load()?.unwrap_or_default();
    if let Some(supplier) = input.supplier_id
        && !replenishment::exists(&source, supplier)?
    {
        return Err(JobError::invalid_input(format!("supplier_id: there is no supplier {supplier}")));
    }
    let total = replenishment::count(&source, input.supplier_id)?;
    ctx.progress(state.suppliers, total, "looking for products that run low")?;

    let mut suppliers = replenishment::suppliers(&source, state.after, input.supplier_id)?;
    while let Some(supplier) = suppliers.next()? {
        tell(ctx, input, &supplier, &date, &mut state)?;
        state.after = Some(supplier.id);
        state.suppliers += 1;
        state.products += supplier.products.len() as u64;
        let total = total.max(state.suppliers);
        ctx.progress(state.suppliers, total, &format!("{} of {total} suppliers", state.suppliers))?;
        if ctx.save_due(state.suppliers, SUPPLIERS_PER_SAVE) {
            ctx.save(&state)?;
        }
    }
    Ok(Output {
        kind: input.kind,
        channel: input.channel.clone(),
        products: state.products,
        records_processed: state.products,
        suppliers: state.suppliers,
        messages: state.messages,
        without_address: state.without_address,
        refused: state.refused,
        not_sent: state.not_sent,
    })
}

fn tell(
    ctx: &Context<State>,
    input: &Input,
    supplier: &Supplier,
    date: &str,
    state: &mut State,
) -> Result<()> {
    let Some(email) = &supplier.email else {
        warn!(ctx, "supplier {} ({}) has no email address and was not told", supplier.id, supplier.name);
        state.without_address += 1;
        return Ok(());
    };
    let message = Message {
        channel: input.channel.clone(),
        key: format!("replenish-{}-{date}", supplier.id),
        recipient: email.clone(),
        subject: supplier.subject(date),
        content_type: "text/plain".into(),
        body: supplier.body(),
    };
    match ctx.send(&message) {
        Ok(()) => state.messages += 1,
        // The host has it from before; it delivers one for each key.
        Err(error) if error.is_duplicate_key() => {
            info!(ctx, "supplier {} was told already ({})", supplier.id, message.key);
        }
        // One bad address among many is for people to correct; the others are written to.
        Err(error) if error.is_bad_recipient() => {
            warn!(ctx, "supplier {} ({}) was not written to: {}", supplier.id, supplier.name, error.message);
            state.refused += 1;
            if state.not_sent.len() < NOT_SENT_MAX {
                state.not_sent.push(NotSent {
                    supplier_id: supplier.id,
                    supplier: beginning(&supplier.name),
                    recipient: beginning(email),
                    reason: error.message,
                });
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// As much of a text of the data as a result should hold.
fn beginning(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// The date in India of the task's submission: the same for every attempt.
fn indian_date(created_at_ms: u64) -> Result<String> {
    let india = TimeZone::fixed(Offset::from_seconds(5 * 3600 + 1800)?);
    let created = Timestamp::from_millisecond(i64::try_from(created_at_ms)?)?;
    Ok(created.to_zoned(india).date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_india() {
        assert_eq!(indian_date(1_772_303_399_000).unwrap(), "2026-02-28"); // 23:59:59 in India
        assert_eq!(indian_date(1_772_303_400_000).unwrap(), "2026-03-01");
    }
}
