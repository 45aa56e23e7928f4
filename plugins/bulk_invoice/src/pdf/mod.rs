//! An invoice as a PDF: small, readable by machines too, and the same bytes whenever it is made.

mod layout;
mod page;
mod text;

use crate::invoice::Invoice;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use longshore_plugin::prelude::*;
use pdf_writer::{Date, Filter, Name, Pdf, Rect, Ref, TextStr};

/// Makes the PDF of an invoice.
pub(crate) fn render(invoice: &Invoice) -> Result<Vec<u8>> {
    let pages = layout::draw(invoice);
    let mut next_id = 1..;
    let mut new_id = || Ref::new(next_id.next().expect("numbers do not run out"));
    let [catalog, tree, info, regular, bold] = [(); 5].map(|()| new_id());

    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(TextStr("en-IN"));
    for (id, font) in [(regular, "Helvetica"), (bold, "Helvetica-Bold")] {
        let font = Name(font.as_bytes());
        pdf.type1_font(id).base_font(font).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let mut kids = Vec::with_capacity(pages.len());
    for content in pages {
        let (page_id, content_id) = (new_id(), new_id());
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, page::WIDTH, page::HEIGHT)).parent(tree).contents(content_id);
        page.resources().fonts().pair(page::REGULAR, regular).pair(page::BOLD, bold);
        drop(page);
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(&content.into_content())?;
        pdf.stream(content_id, &deflated.finish()?).filter(Filter::FlateDecode);
        kids.push(page_id);
    }
    pdf.pages(tree).count(kids.len() as i32).kids(kids);

    // The time of the order and nothing of today: the same order gives the same file.
    let time = invoice.time;
    let date = Date::new(time.month.year).month(time.month.month).day(time.day);
    let date = date.hour(time.hour).minute(time.minute).second(time.second);
    let title = format!("Tax invoice {}", invoice.number);
    pdf.document_info(info)
        .title(TextStr(&title))
        .author(TextStr(&invoice.order.branch.legal_name))
        .producer(TextStr("Longshore bulk_invoice"))
        .creation_date(date);
    Ok(pdf.finish())
}
