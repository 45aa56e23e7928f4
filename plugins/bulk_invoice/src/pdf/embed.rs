//! Puts into a PDF the part of a font that it uses.

use super::codes::FontCodes;
use super::deflated;
use super::fonts::Noto;
use longshore_plugin::prelude::*;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Filter, Finish, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;

/// Codes are the pages' own, so this says nothing of what they stand for.
const OWN_CODES: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Writes a font with the glyphs that have codes. Its number is `id`.
pub(super) fn write(
    pdf: &mut Pdf,
    font: Noto,
    codes: &FontCodes,
    id: Ref,
    new_id: &mut impl FnMut() -> Ref,
) -> Result<()> {
    let [cid_font, descriptor, file, glyphs_of_codes, letters_of_codes] = [(); 5].map(|()| new_id());
    let name = format!("{}+{}", tag(codes), font.name());
    let name = Name(name.as_bytes());

    pdf.type0_font(id)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid_font)
        .to_unicode(letters_of_codes);

    let mut cid = pdf.cid_font(cid_font);
    cid.subtype(CidFontType::Type2).base_font(name).system_info(OWN_CODES).font_descriptor(descriptor);
    cid.cid_to_gid_map_stream(glyphs_of_codes);
    cid.widths().consecutive(1, codes.meanings().iter().map(|(glyph, _)| font.advance(*glyph) as f32));
    cid.finish();

    describe(pdf, font, name, descriptor, file);

    let glyphs: Vec<u16> = codes.meanings().iter().map(|(glyph, _)| *glyph).collect();
    let remapper = GlyphRemapper::new_from_glyphs_sorted(&glyphs);
    let subset = subsetter::subset(font.bytes(), 0, &remapper)
        .map_err(|error| JobError::failed(format!("{}: {error}", font.name())))?;
    let length = subset.len() as i32;
    pdf.stream(file, &deflated(&subset)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    pdf.stream(glyphs_of_codes, &glyphs_in_subset(&glyphs, &remapper));
    pdf.stream(letters_of_codes, &deflated(&letters(codes))?).filter(Filter::FlateDecode);
    Ok(())
}

/// Six capitals that tell this subset of the font from others, as the PDF standard wants.
fn tag(codes: &FontCodes) -> String {
    let mut hasher = crc32fast::Hasher::new();
    for (glyph, letters) in codes.meanings() {
        hasher.update(&glyph.to_be_bytes());
        hasher.update(letters.as_bytes());
    }
    let hash = hasher.finalize();
    (0..6).map(|place| char::from(b'A' + (hash / 26_u32.pow(place) % 26) as u8)).collect()
}

/// What a reader needs to know of a font before it opens it. Height of capitals and strength of stems are what Noto Sans
/// has; they matter only to a reader that replaces the font.
fn describe(pdf: &mut Pdf, font: Noto, name: Name<'_>, id: Ref, file: Ref) {
    let metrics = font.font().metrics();
    let (bounds, line) = (metrics.bounds, metrics.hhea_line.unwrap_or_default());
    let [left, bottom, right, top] =
        [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(|edge| edge.to_i32() as f32);
    pdf.font_descriptor(id)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(line.ascender.to_i32() as f32)
        .descent(line.descender.to_i32() as f32)
        .cap_height(714.0)
        .stem_v(90.0)
        .font_file2(file);
}

/// The glyph of each code from 0, as its number in the subset in two bytes.
fn glyphs_in_subset(glyphs: &[u16], remapper: &GlyphRemapper) -> Vec<u8> {
    let numbers = glyphs.iter().map(|glyph| remapper.get(*glyph).unwrap_or_default());
    std::iter::once(0).chain(numbers).flat_map(u16::to_be_bytes).collect()
}

/// What each code stands for, for readers that do not take the text from the page. Some of them make something up for
/// a code that stands for nothing, so it is given what does not show.
fn letters(codes: &FontCodes) -> Vec<u8> {
    const WORD_JOINER: char = '\u{2060}';
    let mut map = UnicodeCmap::new(Name(b"Adobe-Identity-UCS"), OWN_CODES);
    for (code, (_, letters)) in (1..=u16::MAX).zip(codes.meanings()) {
        if letters.is_empty() {
            map.pair(code, WORD_JOINER);
        } else {
            map.pair_with_multiple(code, letters.chars());
        }
    }
    map.finish().into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::codes::Codes;
    use crate::pdf::shape::shape;

    fn with_codes<T>(text: &str, use_them: impl FnOnce(&FontCodes) -> T) -> T {
        let font = Noto::with(text).unwrap();
        let mut codes = Codes::default();
        codes.encode(font, text, &shape(font, text));
        use_them(codes.fonts().next().unwrap().1)
    }

    #[test]
    fn tags_are_six_capitals_that_depend_on_the_glyphs() {
        let tags = ["क", "ख", "कख", "क्ष"].map(|text| with_codes(text, tag));
        assert!(
            tags.iter().all(|tag| tag.len() == 6 && tag.bytes().all(|byte| byte.is_ascii_uppercase())),
            "{tags:?}"
        );
        assert!(tags.iter().enumerate().all(|(index, tag)| !tags[..index].contains(tag)), "{tags:?}");
        assert_eq!(with_codes("क", tag), tags[0]);
    }

    #[test]
    fn codes_lead_to_glyphs_and_letters() {
        let glyphs = [7, 3, 7];
        let remapper = GlyphRemapper::new_from_glyphs_sorted(&glyphs);
        assert_eq!(glyphs_in_subset(&glyphs, &remapper), [0, 0, 0, 2, 0, 1, 0, 2]);
        let map = with_codes("कि", |codes| String::from_utf8(letters(codes)).unwrap());
        assert!(map.contains("<0001> <0915093F>\n<0002> <2060>\n"), "{map}");
    }
}
