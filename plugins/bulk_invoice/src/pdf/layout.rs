//! What stands where on an invoice.

use super::page::{ACCENT, Align, FAINT, HEIGHT, INK, Pages, Style, TINT, WHITE, WIDTH};
use super::text::Face::{Bold, Regular};
use crate::invoice::Invoice;
use crate::money::rupees;
use crate::orders::{OrderLine, Party};
use crate::tax::{Amounts, Supply};
use crate::words;

const MARGIN: f32 = 36.0;
const RIGHT: f32 = WIDTH - MARGIN;
const FULL: f32 = RIGHT - MARGIN;
/// Below this there is only the footer.
const BOTTOM: f32 = HEIGHT - 52.0;

const TITLE: Style = Style::new(Bold, 20.0, ACCENT);
const SELLER: Style = Style::new(Bold, 12.5, INK);
const LABEL: Style = Style::new(Bold, 7.0, FAINT);
const BODY: Style = Style::new(Regular, 8.5, INK);
const STRONG: Style = Style::new(Bold, 8.5, INK);
const CELL: Style = Style::new(Regular, 7.8, INK);
const HEAD: Style = Style::new(Bold, 7.2, WHITE);
const SMALL: Style = Style::new(Regular, 7.0, FAINT);
const GRAND: Style = Style::new(Bold, 11.0, WHITE);

/// Distance of lines of body text.
const LEADING: f32 = 11.5;
/// Height of a line of a table row, and what is free above and below.
const ROW_LEADING: f32 = 9.6;
const ROW_PADDING: f32 = 7.0;
/// What the totals and all below them need.
const CLOSING_HEIGHT: f32 = 190.0;

/// A column of the table of lines: its heading, where its text stands, and how.
type Column = (&'static str, f32, Align);

const WITHIN_STATE: &[Column] = &[
    ("#", 50.0, Align::Right),
    ("Description", 57.0, Align::Left),
    ("HSN", 200.0, Align::Left),
    ("Qty", 264.0, Align::Right),
    ("Rate", 318.0, Align::Right),
    ("Taxable", 376.0, Align::Right),
    ("GST", 402.0, Align::Right),
    ("CGST", 450.0, Align::Right),
    ("SGST", 498.0, Align::Right),
    ("Total", 555.0, Align::Right),
];
const ACROSS_STATES: &[Column] = &[
    ("#", 50.0, Align::Right),
    ("Description", 57.0, Align::Left),
    ("HSN", 235.0, Align::Left),
    ("Qty", 300.0, Align::Right),
    ("Rate", 358.0, Align::Right),
    ("Taxable", 420.0, Align::Right),
    ("GST", 447.0, Align::Right),
    ("IGST", 498.0, Align::Right),
    ("Total", 555.0, Align::Right),
];
/// The column of [`WITHIN_STATE`] and [`ACROSS_STATES`] whose texts are broken into lines.
const DESCRIPTION: usize = 1;

/// Draws an invoice, on as many pages as it takes.
pub(super) fn draw(invoice: &Invoice) -> Pages {
    let mut sheets = Sheets { invoice, pages: Pages::new(), y: 0.0 };
    sheets.letterhead();
    sheets.particulars();
    sheets.parties();
    sheets.table();
    sheets.closing();
    sheets.finish()
}

struct Sheets<'a> {
    invoice: &'a Invoice,
    pages: Pages,
    /// Down to where the page is used.
    y: f32,
}

impl Sheets<'_> {
    fn letterhead(&mut self) {
        let branch = &self.invoice.order.branch;
        self.pages.fill(0.0, 0.0, WIDTH, 6.0, ACCENT);
        self.pages.text(RIGHT, 46.0, Align::Right, TITLE, "TAX INVOICE");
        self.pages.text(RIGHT, 58.0, Align::Right, SMALL, "Original for recipient");
        self.y = 42.0;
        self.pages.text(MARGIN, self.y, Align::Left, SELLER, &branch.legal_name);
        self.y += 3.0;
        for line in Regular.wrap(&branch.address, BODY.size, 300.0) {
            self.line(MARGIN, BODY, &line);
        }
        self.line(MARGIN, BODY, &format!("State: {} (code {})", branch.state, branch.state_code));
        self.line(MARGIN, STRONG, &format!("GSTIN: {}", branch.gstin));
        self.y += 10.0;
    }

    fn particulars(&mut self) {
        let order = &self.invoice.order;
        let place = format!("{} ({})", order.ship_to.state, order.ship_to.state_code);
        let particulars = [
            ("INVOICE NUMBER", self.invoice.number.clone()),
            ("INVOICE DATE", self.invoice.time.date()),
            ("ORDER", order.id.to_string()),
            ("PLACE OF SUPPLY", place),
            ("REVERSE CHARGE", "No".into()),
        ];
        self.pages.fill(MARGIN, self.y, FULL, 32.0, TINT);
        for ((label, text), x) in particulars.into_iter().zip([8.0, 125.0, 215.0, 285.0, 440.0]) {
            self.pages.text(MARGIN + x, self.y + 12.0, Align::Left, LABEL, label);
            self.pages.text(MARGIN + x, self.y + 24.0, Align::Left, STRONG, &text);
        }
        self.y += 48.0;
    }

    fn parties(&mut self) {
        let order = &self.invoice.order;
        let middle = MARGIN + FULL / 2.0;
        let top = self.y;
        let below = [("BILL TO", MARGIN, &order.buyer), ("SHIP TO", middle, &order.ship_to)].map(
            |(label, x, party)| {
                self.y = top;
                self.pages.text(x, self.y, Align::Left, LABEL, label);
                self.y += 1.5;
                self.party(x, party);
                self.y
            },
        );
        self.y = below[0].max(below[1]) + 12.0;
    }

    fn party(&mut self, x: f32, party: &Party) {
        self.line(x, STRONG, &party.name);
        for line in Regular.wrap(&party.address, BODY.size, FULL / 2.0 - 16.0) {
            self.line(x, BODY, &line);
        }
        self.line(x, BODY, format!("{} {}", party.city, party.pincode).trim());
        self.line(x, BODY, &format!("State: {} (code {})", party.state, party.state_code));
        if let Some(gstin) = &party.gstin {
            self.line(x, STRONG, &format!("GSTIN: {gstin}"));
        }
    }

    fn table(&mut self) {
        self.table_head();
        for (index, (line, amounts)) in self.invoice.order.lines.iter().zip(&self.invoice.lines).enumerate() {
            self.table_row(index, line, amounts);
        }
        self.y += 2.0;
    }

    fn columns(&self) -> &'static [Column] {
        match self.invoice.supply {
            Supply::WithinState => WITHIN_STATE,
            Supply::AcrossStates => ACROSS_STATES,
        }
    }

    fn table_head(&mut self) {
        self.pages.fill(MARGIN, self.y, FULL, 16.0, ACCENT);
        for (heading, x, align) in self.columns() {
            self.pages.text(*x, self.y + 11.0, *align, HEAD, heading);
        }
        self.y += 16.0;
    }

    fn table_row(&mut self, index: usize, line: &OrderLine, amounts: &Amounts) {
        let columns = self.columns();
        let (x, next) = (columns[DESCRIPTION].1, columns[DESCRIPTION + 1].1);
        let description = Regular.wrap(&line.description, CELL.size, next - x - 6.0);
        let height = description.len() as f32 * ROW_LEADING + ROW_PADDING;
        if self.y + height > BOTTOM {
            self.next_page();
            self.table_head();
        }
        let mut cells = vec![
            (index + 1).to_string(),
            String::new(),
            line.hsn.clone(),
            line.quantity.to_string(),
            rupees(line.unit_price_paise),
            rupees(amounts.taxable),
            format!("{}%", line.gst_rate),
        ];
        match self.invoice.supply {
            Supply::WithinState => cells.extend([rupees(amounts.cgst), rupees(amounts.sgst)]),
            Supply::AcrossStates => cells.push(rupees(amounts.igst)),
        }
        cells.push(rupees(amounts.total()));
        let first = self.y + ROW_PADDING / 2.0 + 7.4;
        for ((_, x, align), text) in columns.iter().zip(&cells) {
            self.pages.text(*x, first, *align, CELL, text);
        }
        for (number, text) in description.iter().enumerate() {
            self.pages.text(x, first + number as f32 * ROW_LEADING, Align::Left, CELL, text);
        }
        self.y += height;
        self.pages.rule(MARGIN, self.y, FULL, 0.4, [0.82, 0.85, 0.88]);
    }

    fn closing(&mut self) {
        if self.y + CLOSING_HEIGHT > BOTTOM {
            self.next_page();
        }
        let top = self.y;
        self.totals();
        let below_totals = self.y;

        self.y = top + 14.0;
        self.pages.text(MARGIN, self.y, Align::Left, LABEL, "AMOUNT IN WORDS");
        self.y += 1.5;
        for line in Bold.wrap(&words::amount(self.invoice.sum.total()), STRONG.size, 270.0) {
            self.line(MARGIN, STRONG, &line);
        }
        self.y = self.y.max(below_totals) + 24.0;

        let name = format!("For {}", self.invoice.order.branch.legal_name);
        self.pages.text(RIGHT, self.y, Align::Right, STRONG, &name);
        self.pages.text(RIGHT, self.y + 38.0, Align::Right, SMALL, "Authorised signatory");
        let declaration = "We declare that this invoice shows the actual price of the goods described and that all \
                           particulars are true and correct. All amounts are in Indian rupees (Rs.).";
        self.y -= 2.5;
        for line in Regular.wrap(declaration, SMALL.size, 270.0) {
            self.pages.text(MARGIN, self.y, Align::Left, SMALL, &line);
            self.y += 9.0;
        }
    }

    fn totals(&mut self) {
        let (sum, left) = (self.invoice.sum, RIGHT - 200.0);
        let mut rows = vec![("Taxable value", sum.taxable)];
        match self.invoice.supply {
            Supply::WithinState => rows.extend([("CGST", sum.cgst), ("SGST", sum.sgst)]),
            Supply::AcrossStates => rows.push(("IGST", sum.igst)),
        }
        self.y += 3.0;
        for (label, amount) in rows {
            self.y += 13.0;
            self.pages.text(left, self.y, Align::Left, BODY, label);
            self.pages.text(RIGHT - 4.0, self.y, Align::Right, BODY, &rupees(amount));
        }
        self.y += 8.0;
        self.pages.fill(left - 8.0, self.y, 208.0, 22.0, ACCENT);
        self.pages.text(left, self.y + 15.0, Align::Left, GRAND, "Total");
        let total = format!("Rs. {}", rupees(sum.total()));
        self.pages.text(RIGHT - 4.0, self.y + 15.0, Align::Right, GRAND, &total);
        self.y += 22.0;
    }

    /// Starts a page that says what it continues.
    fn next_page(&mut self) {
        self.pages.add();
        self.pages.fill(0.0, 0.0, WIDTH, 6.0, ACCENT);
        let invoice = self.invoice;
        let title = format!("Tax invoice {} of {}, continued", invoice.number, invoice.time.date());
        self.pages.text(MARGIN, 34.0, Align::Left, STRONG, &title);
        self.pages.text(RIGHT, 34.0, Align::Right, BODY, &invoice.order.branch.legal_name);
        self.y = 46.0;
    }

    /// Puts the footers on, which say how many pages there are.
    fn finish(mut self) -> Pages {
        let count = self.pages.count();
        let pages = &mut self.pages;
        for page in 0..count {
            pages.turn_to(page);
            let y = HEIGHT - 26.0;
            pages.rule(MARGIN, y - 11.0, FULL, 0.4, [0.82, 0.85, 0.88]);
            pages.text(MARGIN, y, Align::Left, SMALL, "This is a computer-generated invoice.");
            let middle = format!("{} | {}", self.invoice.number, self.invoice.order.branch.gstin);
            pages.text(WIDTH / 2.0, y, Align::Centre, SMALL, &middle);
            pages.text(RIGHT, y, Align::Right, SMALL, &format!("Page {} of {count}", page + 1));
        }
        self.pages
    }

    /// A line of text under what is there.
    fn line(&mut self, x: f32, style: Style, text: &str) {
        self.y += LEADING;
        self.pages.text(x, self.y, Align::Left, style, text);
    }
}
