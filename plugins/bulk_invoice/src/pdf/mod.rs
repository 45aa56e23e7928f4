//! An invoice as a PDF: small, readable by machines too, and the same bytes whenever it is made.
//!
//! [`layout`] says what stands where on a [`page`], and [`measure`] how much room text takes. Text is split into
//! [`runs`]. As far as Helvetica goes ([`text`]), it is in that. The rest is in [`fonts`] that the invoice carries: Noto
//! Sans, under the SIL Open Font License. [`shape`] makes the letters of such a run into glyphs, [`show`] draws these
//! with [`codes`] that can be read back, and [`embed`] puts the part of the font that is used into the file.

mod codes;
mod embed;
mod fonts;
mod layout;
mod measure;
mod page;
mod runs;
mod shape;
mod show;
mod text;

use crate::invoice::Invoice;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use longshore_plugin::prelude::*;
use pdf_writer::{Date, Filter, Name, Pdf, Rect, Ref, TextStr};

/// Makes the PDF of an invoice.
pub(crate) fn render(invoice: &Invoice) -> Result<Vec<u8>> {
    let (contents, codes) = layout::draw(invoice).finish();
    let mut next_id = 1..;
    let mut new_id = || Ref::new(next_id.next().expect("numbers do not run out"));
    let [catalog, tree, info, regular, bold] = [(); 5].map(|()| new_id());
    let embedded: Vec<_> = codes.fonts().map(|(font, codes)| (font, codes, new_id())).collect();

    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(TextStr("en-IN"));
    for (id, font) in [(regular, "Helvetica"), (bold, "Helvetica-Bold")] {
        let font = Name(font.as_bytes());
        pdf.type1_font(id).base_font(font).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let mut kids = Vec::with_capacity(contents.len());
    for content in contents {
        let (page_id, content_id) = (new_id(), new_id());
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, page::WIDTH, page::HEIGHT)).parent(tree).contents(content_id);
        let mut resources = page.resources();
        let mut fonts = resources.fonts();
        fonts.pair(page::REGULAR, regular).pair(page::BOLD, bold);
        for (font, _, id) in &embedded {
            fonts.pair(Name(font.name().as_bytes()), *id);
        }
        drop(fonts);
        drop(resources);
        drop(page);
        pdf.stream(content_id, &deflated(&content)?).filter(Filter::FlateDecode);
        kids.push(page_id);
    }
    for (font, codes, id) in embedded {
        embed::write(&mut pdf, font, codes, id, &mut new_id)?;
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

fn deflated(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(bytes)?;
    Ok(deflated.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{Branch, Order, OrderLine, Party};

    fn party(name: &str, address: &str) -> Party {
        Party {
            name: name.into(),
            address: address.into(),
            city: "Delhi".into(),
            state: "Delhi".into(),
            state_code: "07".into(),
            pincode: "110001".into(),
            gstin: None,
        }
    }

    fn invoice(buyer: Party, ship_to: Party, lines: usize) -> Invoice {
        let branch = Branch {
            code: "DEL".into(),
            legal_name: "Longshore Retail Private Limited".into(),
            gstin: "07AABCL1234C1Z5".into(),
            address: "14 Netaji Subhash Marg, New Delhi 110002".into(),
            state: "Delhi".into(),
            state_code: "07".into(),
        };
        let line = OrderLine {
            description: "Water bottle".into(),
            hsn: "73239390".into(),
            quantity: 1,
            unit_price_paise: 12_345,
            gst_rate: 18,
        };
        let ordered_at = "2026-03-05T14:07:09+05:30".into();
        let lines = vec![line; lines];
        Invoice::new(
            Order {
                id: 1,
                ordered_at,
                branch,
                buyer,
                ship_to,
                lines,
                total_paise: 0,
                digest: longshore_plugin::RowDigest::default(),
            },
            1,
        )
        .unwrap()
    }

    /// Names of the embedded fonts, in the order of the file.
    fn embedded(pdf: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(pdf);
        let fonts = text.split("/FontName /").skip(1);
        fonts.map(|rest| rest.split_whitespace().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn most_invoices_carry_no_font() {
        let party = party("Café Asha – Delhi", "12 Lajpat Nagar");
        let pdf = render(&invoice(party.clone(), party, 3)).unwrap();
        assert!(pdf.len() < 3_000, "{}", pdf.len());
        assert_eq!(embedded(&pdf), [""; 0]);
        assert!(!String::from_utf8_lossy(&pdf).contains("Noto"));
    }

    #[test]
    fn odd_texts_do_no_harm() {
        // Marks and joiners of nothing, letters that do not go together, control characters, right-to-left.
        for odd in [
            "\u{93f}",
            "\u{94d}\u{200d}",
            "\u{200b}",
            "कা\u{bcd}\u{301}",
            "क\0\u{7f}\u{85}",
            "שלום عربي",
            "क्".repeat(300).as_str(),
        ] {
            let pdf = render(&invoice(party(odd, odd), party(&format!("a{odd}"), odd), 1)).unwrap();
            assert!(pdf.starts_with(b"%PDF-") && pdf.len() < 20_000, "{odd:?}: {}", pdf.len());
        }
    }

    #[test]
    fn an_invoice_carries_just_the_fonts_it_needs() {
        let pages_of_lines = 100;
        let of = |name| invoice(party("முருகன்", "காந்தி தெரு"), party(name, "गांधी मार्ग"), pages_of_lines);
        let pdf = render(&of("प्रिया शर्मा")).unwrap();
        let names = embedded(&pdf);
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            names[0].ends_with("+NotoSansDevanagari-Regular") && names[1].ends_with("+NotoSansTamil-Regular")
        );
        assert!(pdf.len() < 40_000, "{}", pdf.len());
        assert!(render(&of("प्रिया शर्मा")).unwrap() == pdf, "the same invoice is the same file");
        // Other glyphs, another name: a reader must not take one subset for the other.
        let other = embedded(&render(&of("विक्रम गुप्ता")).unwrap());
        assert!(other[0] != names[0] && other[1] == names[1], "{other:?}");
    }
}
