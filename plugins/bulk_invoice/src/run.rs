//! From the input to the files.

use crate::invoice::Invoice;
use crate::money::rupees;
use crate::month::{LocalTime, Month};
use crate::orders::{Order, Orders, Selection};
use crate::tax::Amounts;
use crate::zip::{DosTime, Entry, ZipWriter};
use crate::{pdf, register};
use longshore_plugin::csv::Formulas;
use longshore_plugin::prelude::*;
use longshore_plugin::{Artifact, RowDigest, Source};
use std::io::{self, Write};
use std::time::Duration;

/// Invoices from one save to the next: about a second of work on a slow machine.
const INVOICES_PER_SAVE: u64 = 100;

/// Differences between the computed and the recorded total that are written to the log one by one.
const DIFFERENCES_LOGGED_MAX: u64 = 10;

/// Which orders to invoice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// City of the branch that sold, such as `Delhi`. Upper and lower case are the same.
    #[schemars(length(min = 1))]
    pub city: String,
    /// Month of the orders, as `YYYY-MM`.
    #[schemars(regex(pattern = r"^\d{4}-(0[1-9]|1[0-2])$"))]
    pub month: String,
    /// Data source with the shop's tables. May be left out when the job was granted only one.
    pub source: Option<String>,
    #[serde(default)]
    pub formulas: Formulas,
}

/// What the job gives.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// City, as the database spells it.
    pub city: String,
    /// Month, as `YYYY-MM`.
    pub month: String,
    /// Invoices made: one for each order.
    pub invoices: u64,
    /// The same, under the name that every job has.
    pub records_processed: u64,
    /// Number of the first invoice.
    pub first_invoice: String,
    /// Number of the last invoice.
    pub last_invoice: String,
    /// Sums over all invoices.
    pub totals: Totals,
    /// Orders whose recorded total is not the computed one; the invoices have the computed one.
    pub differing_orders: u64,
    /// Name of the ZIP with all invoices and the register: an artifact of the job.
    pub zip: String,
    /// Name of the register (CSV): an artifact of the job.
    pub register: String,
}

/// Sums over all invoices, in paise and as people write them.
#[derive(Debug, Serialize, JsonSchema)]
#[allow(missing_docs)] // the names say it
pub struct Totals {
    pub taxable_paise: i64,
    pub cgst_paise: i64,
    pub sgst_paise: i64,
    pub igst_paise: i64,
    pub total_paise: i64,
    pub taxable: String,
    pub cgst: String,
    pub sgst: String,
    pub igst: String,
    pub total: String,
}

/// Changes with the meaning of a saved [`State`], of which its bytes say nothing.
const STATE_VERSION: u32 = 0x1057_0002;

/// What an attempt resumes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Of this structure.
    version: u32,
    /// Invoices made.
    done: u64,
    /// Of the rows behind them.
    digest: RowDigest,
    /// When the last order was made.
    last_ordered_at: String,
    sum: Amounts,
    differing: u64,
    first_number: String,
    last_number: String,
    /// Checksum of the register so far.
    register_crc: u32,
    entries: Vec<Entry>,
}

/// Runs one attempt.
pub(crate) fn run(ctx: &Context<State>, input: &Input) -> Result<Output> {
    let month = Month::parse(&input.month)?;
    let source = ctx.source(input.source.as_deref())?;
    let selection = Selection::find(&source, &input.city, month)?;
    let suffix = format!("{}-{month}", slug(&selection.city));
    let (zip_name, register_name) = (format!("invoices-{suffix}.zip"), format!("register-{suffix}.csv"));
    let zip_file = ctx.artifact(&zip_name, "application/zip")?;
    let register_file = ctx.artifact(&register_name, "text/csv")?;

    let (mut state, orders) = start(ctx, &source, &selection, [&zip_file, &register_file])?;
    let position = zip_file.position();
    let zip = ZipWriter::resume(Unbuffered(zip_file), position, std::mem::take(&mut state.entries));
    let mut batch =
        Batch { ctx, source, selection, zip, register: register_file, formulas: input.formulas, state };
    batch.invoices(orders)?;
    batch.register_into_zip(&register_name)?;
    let Batch { zip, state, selection, .. } = batch;
    zip.finish()?;

    Ok(Output {
        city: selection.city,
        month: month.to_string(),
        invoices: state.done,
        records_processed: state.done,
        first_invoice: state.first_number,
        last_invoice: state.last_number,
        totals: Totals::from(state.sum),
        differing_orders: state.differing,
        zip: zip_name,
        register: register_name,
    })
}

/// Where an attempt begins: after the invoices that are made already if the orders behind them are the same in what
/// this attempt reads, and otherwise at the first.
fn start(
    ctx: &Context<State>,
    source: &Source,
    selection: &Selection,
    files: [&Artifact; 2],
) -> Result<(State, Orders)> {
    let saved = match ctx.load() {
        Ok(None) => return Ok((State::default(), selection.open(source)?)),
        Ok(Some(saved)) if saved.version == STATE_VERSION => saved,
        // Of another version of this job.
        Ok(Some(_)) | Err(_) => State { done: u64::MAX, ..State::default() },
    };
    let mut orders = selection.open(source)?;
    let mut digest = None;
    let mut passed = 0;
    while passed < saved.done
        && let Some(order) = orders.next()?
    {
        passed += 1;
        digest = Some(order.digest);
        ctx.progress(passed, selection.count.max(passed), "looking whether invoiced orders were changed")?;
    }
    if passed == saved.done && digest.as_ref() == Some(&saved.digest) {
        info!(ctx, "resuming after {passed} of {} invoices", selection.count);
        return Ok((saved, orders));
    }
    info!(ctx, "starting again: the orders, or this job, were changed since the last save");
    for file in files {
        file.clear()?;
    }
    Ok((State::default(), selection.open(source)?))
}

/// An artifact as a [`Write`] that is kept across saves. The ZIP writer may have it, because between two entries it holds
/// nothing back.
struct Unbuffered(Artifact);

impl Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One attempt under way.
struct Batch<'a> {
    ctx: &'a Context<State>,
    source: Source,
    selection: Selection,
    zip: ZipWriter<Unbuffered>,
    register: Artifact,
    formulas: Formulas,
    state: State,
}

impl Batch<'_> {
    /// Makes the invoices that are left, each with its line of the register.
    fn invoices(&mut self, mut orders: Orders) -> Result<()> {
        if self.state.done == 0 {
            self.add_to_register(&register::header()?)?;
        }
        while let Some(order) = orders.next()? {
            self.state.digest.clone_from(&order.digest);
            self.state.last_ordered_at.clone_from(&order.ordered_at);
            self.invoice(order)?;
            if self.ctx.save_due(self.state.done, INVOICES_PER_SAVE) {
                self.save()?;
            }
        }
        Ok(())
    }

    fn invoice(&mut self, order: Order) -> Result<()> {
        let invoice = Invoice::new(order, self.state.done + 1)?;
        self.zip.add(&invoice.file_name(), DosTime::new(invoice.time), &pdf::render(&invoice)?)?;
        self.add_to_register(&register::row(&invoice, self.formulas)?)?;
        self.compare(&invoice);

        let state = &mut self.state;
        state.done += 1;
        state.sum += invoice.sum;
        if state.first_number.is_empty() {
            state.first_number.clone_from(&invoice.number);
        }
        state.last_number = invoice.number;
        let total = self.selection.count.max(state.done);
        self.ctx.progress(state.done, total, &format!("{} of {total} invoices", state.done))
    }

    /// The shop recorded what it charged. An invoice that says something else is worth a look.
    fn compare(&mut self, invoice: &Invoice) {
        let (computed, recorded) = (invoice.sum.total(), invoice.order.total_paise);
        if computed == recorded {
            return;
        }
        self.state.differing += 1;
        if self.state.differing <= DIFFERENCES_LOGGED_MAX {
            let (number, id) = (&invoice.number, invoice.order.id);
            warn!(
                self.ctx,
                "{number}: order {id} has {recorded} paise in the database, its lines give {computed}"
            );
        }
    }

    fn add_to_register(&mut self, line: &[u8]) -> Result<()> {
        self.register.write_all(line)?;
        self.state.register_crc = continued_crc(self.state.register_crc, line);
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        self.state.version = STATE_VERSION;
        self.state.entries = self.zip.entries().to_vec();
        self.ctx.save(&self.state)
    }

    /// Puts the register into the ZIP as well. What was written cannot be read back and must not be kept in memory,
    /// so it is made once more from the orders; the checksum tells whether they are still the same.
    fn register_into_zip(&mut self, name: &str) -> Result<()> {
        let Self { ctx, source, selection, zip, state, formulas, .. } = self;
        let modified = DosTime::new(LocalTime::parse(&state.last_ordered_at)?);
        let crc = zip.stream(name, modified, |out| {
            out.write_all(&register::header()?)?;
            let mut orders = selection.open(source)?;
            let mut ordinal = 0;
            // Orders that came in since are those of another job.
            while ordinal < state.done
                && let Some(order) = orders.next()?
            {
                ordinal += 1;
                out.write_all(&register::row(&Invoice::new(order, ordinal)?, *formulas)?)?;
                ctx.progress(state.done, state.done, "packing the register")?;
            }
            Ok(())
        })?;
        if crc == state.register_crc {
            return Ok(());
        }
        let what = "the orders were changed while they were being invoiced; the job starts again";
        Err(JobError::retry_after(what, Duration::ZERO))
    }
}

impl From<Amounts> for Totals {
    fn from(sum: Amounts) -> Self {
        let text = |paise| format!("₹{}", rupees(paise));
        Self {
            taxable_paise: sum.taxable,
            cgst_paise: sum.cgst,
            sgst_paise: sum.sgst,
            igst_paise: sum.igst,
            total_paise: sum.total(),
            taxable: text(sum.taxable),
            cgst: text(sum.cgst),
            sgst: text(sum.sgst),
            igst: text(sum.igst),
            total: text(sum.total()),
        }
    }
}

fn continued_crc(crc: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc);
    hasher.update(bytes);
    hasher.finalize()
}

/// Characters and bytes of a city that become part of a file's name, which has 128 and 240 at the most.
const SLUG_CHARS_MAX: usize = 90;
const SLUG_BYTES_MAX: usize = 180;

/// A city as part of a file's name: `New Delhi` is `new-delhi`. Other scripts stay as they are, with all their signs.
fn slug(city: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || !(c.is_ascii() || c.is_whitespace() || c.is_control());
    let plain = |c: char| if is_plain(c) { c } else { '-' };
    let slug: String = city.to_lowercase().chars().map(plain).take(SLUG_CHARS_MAX).collect();
    slug[..slug.floor_char_boundary(SLUG_BYTES_MAX)].trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_keeps_its_letters_in_a_file_name() {
        for (city, expected) in
            [("New Delhi", "new-delhi"), ("दिल्ली", "दिल्ली"), ("St. John's", "st--john-s"), ("東京", "東京")]
        {
            assert_eq!(slug(city), expected);
        }
    }

    #[test]
    fn a_city_of_any_name_makes_a_file_name() {
        for city in ["x".repeat(500), "語".repeat(120)] {
            let name = format!("register-{}-2026-03.csv", slug(&city));
            assert!(name.len() <= 240 && name.chars().count() <= 128, "{name}");
        }
    }
}
