//! The fonts that an invoice carries in itself when it has characters that Helvetica lacks.
//!
//! They are Noto Sans, one font for each of nine scripts of India and one for what other Latin letters, Greek and
//! Cyrillic there are. Their licence is the SIL Open Font License, which allows to put them into programs and documents;
//! it and how the files were made are beside them, in the folder `fonts` of this crate. All of them are written from left
//! to right; one that is not, such as that of Urdu, would need its words put in order too.

use super::text;
use harfrust::{Direction, Font, GlyphId, Script, ShapePlan};
use std::sync::OnceLock;

/// One of the fonts: its place in [`FILES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Noto(usize);

/// A font's file, and what is made of it once because it serves thousands of invoices.
struct File {
    name: &'static str,
    script: Script,
    bytes: &'static [u8],
    font: OnceLock<Font>,
    plan: OnceLock<ShapePlan>,
}

macro_rules! file {
    ($name:literal, $script:ident) => {
        File {
            name: $name,
            script: Script::$script,
            bytes: include_bytes!(concat!("../../fonts/", $name, ".ttf")),
            font: OnceLock::new(),
            plan: OnceLock::new(),
        }
    };
}

/// Latin is first, because others have some of its signs too.
static FILES: [File; 10] = [
    file!("NotoSans-Regular", LATIN),
    file!("NotoSansDevanagari-Regular", DEVANAGARI),
    file!("NotoSansBengali-Regular", BENGALI),
    file!("NotoSansGujarati-Regular", GUJARATI),
    file!("NotoSansGurmukhi-Regular", GURMUKHI),
    file!("NotoSansKannada-Regular", KANNADA),
    file!("NotoSansMalayalam-Regular", MALAYALAM),
    file!("NotoSansOriya-Regular", ORIYA),
    file!("NotoSansTamil-Regular", TAMIL),
    file!("NotoSansTelugu-Regular", TELUGU),
];

impl Noto {
    /// The font of Latin, Greek and Cyrillic.
    pub(super) const LATIN: Self = Self(0);

    /// The first font that has all of these characters.
    pub(super) fn with(letters: &str) -> Option<Self> {
        (0..FILES.len()).map(Self).find(|font| font.has(letters))
    }

    /// Whether it has all of these characters.
    pub(super) fn has(self, letters: &str) -> bool {
        letters.chars().all(|letter| text::is_invisible(letter) || self.glyph(letter).is_some())
    }

    /// The glyph that stands for a character alone.
    pub(super) fn glyph(self, letter: char) -> Option<u16> {
        // Noto Sans has empty glyphs for some control characters.
        if letter.is_control() {
            return None;
        }
        self.font().charmap().map_unicode(letter).map(|glyph| glyph.to_u32() as u16)
    }

    /// How far a glyph alone moves the pen, in thousandths of the font size.
    pub(super) fn advance(self, glyph: u16) -> i32 {
        self.font().glyph_metrics().h_advance(GlyphId::from(glyph)) as i32
    }

    /// Its name, which is also that of its file.
    pub(super) fn name(self) -> &'static str {
        self.file().name
    }

    /// The whole font, as in its file.
    pub(super) fn bytes(self) -> &'static [u8] {
        self.file().bytes
    }

    pub(super) fn font(self) -> &'static Font {
        let file = self.file();
        file.font.get_or_init(|| Font::new(file.bytes, 0).expect("the fonts are part of the program"))
    }

    pub(super) fn script(self) -> Script {
        self.file().script
    }

    /// How to shape text of its script.
    pub(super) fn plan(self) -> &'static ShapePlan {
        let plan = || ShapePlan::new(self.font(), Direction::LeftToRight, Some(self.script()), None, &[]);
        self.file().plan.get_or_init(plan)
    }

    fn file(self) -> &'static File {
        &FILES[self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_has_its_font() {
        for (letter, name) in [
            ("Ł", "NotoSans-Regular"),
            ("Ж", "NotoSans-Regular"),
            ("क", "NotoSansDevanagari-Regular"),
            ("ক", "NotoSansBengali-Regular"),
            ("ક", "NotoSansGujarati-Regular"),
            ("ਕ", "NotoSansGurmukhi-Regular"),
            ("ಕ", "NotoSansKannada-Regular"),
            ("ക", "NotoSansMalayalam-Regular"),
            ("କ", "NotoSansOriya-Regular"),
            ("க", "NotoSansTamil-Regular"),
            ("క", "NotoSansTelugu-Regular"),
        ] {
            assert_eq!(Noto::with(letter).map(Noto::name), Some(name), "{letter}");
        }
        assert_eq!(Noto::with("漢"), None);
        assert_eq!(Noto::with("\0"), None);
        assert_eq!(Noto::with("कக"), None);
    }

    #[test]
    fn all_have_what_the_rest_relies_on() {
        for font in (0..FILES.len()).map(Noto) {
            // A unit of the font is a thousandth of its size, which is what a PDF counts in.
            assert_eq!(font.font().units_per_em(), 1000, "{}", font.name());
            assert!(font.has(" "), "{}", font.name());
            assert_eq!(font.glyph('\u{200b}').map(|glyph| font.advance(glyph)), Some(0), "{}", font.name());
        }
    }
}
