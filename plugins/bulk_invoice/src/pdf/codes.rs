//! The codes that pages write glyphs of embedded fonts as.

use super::fonts::Noto;
use super::shape::{Glyph, clusters};
use std::collections::BTreeMap;

/// The codes of all fonts that an invoice carries.
#[derive(Default)]
pub(super) struct Codes {
    fonts: BTreeMap<Noto, FontCodes>,
}

/// The codes of one font. The first is 1; 0 is for a glyph that the font does not have.
///
/// A code is a glyph together with the letters that it stands for there. So a glyph that is a part of several
/// ligatures has several codes, and each can be read back.
#[derive(Default)]
pub(super) struct FontCodes {
    known: BTreeMap<(u16, String), u16>,
    meanings: Vec<(u16, String)>,
}

impl Codes {
    /// The code of each glyph of a text.
    pub(super) fn encode(&mut self, font: Noto, text: &str, glyphs: &[Glyph]) -> Vec<u16> {
        let font_codes = self.fonts.entry(font).or_default();
        let mut codes = Vec::with_capacity(glyphs.len());
        for (letters, glyphs) in clusters(text, glyphs) {
            let meanings = meanings(font, letters, glyphs);
            codes.extend(
                glyphs.iter().zip(meanings).map(|(glyph, letters)| font_codes.code(glyph.id, letters)),
            );
        }
        codes
    }

    /// The fonts in use.
    pub(super) fn fonts(&self) -> impl Iterator<Item = (Noto, &FontCodes)> {
        self.fonts.iter().map(|(font, codes)| (*font, codes))
    }
}

impl FontCodes {
    fn code(&mut self, glyph: u16, letters: String) -> u16 {
        let meaning = (glyph, letters);
        if let Some(code) = self.known.get(&meaning) {
            return *code;
        }
        let Ok(code) = u16::try_from(self.meanings.len() + 1) else { return 0 };
        self.meanings.push(meaning.clone());
        self.known.insert(meaning, code);
        code
    }

    /// Glyph and letters of each code, from 1.
    pub(super) fn meanings(&self) -> &[(u16, String)] {
        &self.meanings
    }
}

/// What each glyph stands for of the letters that became these glyphs together.
///
/// At both ends it is the glyph's own letter, as long as that is in its place. Between them, where letters have joined
/// or swapped places, the first glyph stands for all, and the others for nothing.
fn meanings(font: Noto, letters: &str, glyphs: &[Glyph]) -> Vec<String> {
    let letters: Vec<char> = letters.chars().collect();
    let is_own = |(letter, glyph): &(&char, &Glyph)| font.glyph(**letter) == Some(glyph.id);
    // One glyph is always left between, for letters that have none.
    let front = letters.iter().zip(&glyphs[..glyphs.len() - 1]).take_while(is_own).count();
    let (letters_left, glyphs_left) = (&letters[front..], &glyphs[front..]);
    let back = letters_left.iter().rev().zip(glyphs_left[1..].iter().rev()).take_while(is_own).count();

    let changed = letters_left[..letters_left.len() - back].iter().collect();
    let nothing = std::iter::repeat_n(String::new(), glyphs_left.len() - back - 1);
    let own = |letters: &[char]| letters.iter().map(char::to_string).collect::<Vec<_>>();
    let (before, after) = (own(&letters[..front]), own(&letters[letters.len() - back..]));
    before.into_iter().chain([changed]).chain(nothing).chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::shape::shape;

    #[test]
    fn codes_can_be_read_back() {
        let mut codes = Codes::default();
        let font = Noto::with("क").unwrap();
        for text in ["किताब", "तितली", "शर्मा", "क्षत्रिय", "हिन्दी शब्द", "कि"]
        {
            let glyphs = shape(font, text);
            let written = codes.encode(font, text, &glyphs);
            assert_eq!(written.len(), glyphs.len());
            let meanings = codes.fonts[&font].meanings();
            let read: String =
                written.iter().map(|code| meanings[usize::from(*code) - 1].1.as_str()).collect();
            assert_eq!(read, text);
            let read: Vec<u16> = written.iter().map(|code| meanings[usize::from(*code) - 1].0).collect();
            assert_eq!(read, glyphs.iter().map(|glyph| glyph.id).collect::<Vec<_>>());
        }
        let count = codes.fonts[&font].meanings().len();
        codes.encode(font, "कि", &shape(font, "कि"));
        assert_eq!(codes.fonts[&font].meanings().len(), count, "what has a code keeps it");
    }

    #[test]
    fn glyphs_mean_their_own_letters_where_they_can() {
        for (text, expected) in [
            ("मल", &["म", "ल"][..]),
            ("टे", &["ट", "े"]),
            ("क्ष", &["क्ष"]),
            ("कि", &["कि", ""]),
            ("र्म", &["र्म", ""]),
            ("न्दे", &["न्", "द", "े"]),
            ("கொ", &["கொ", "", ""]),
            ("क्\u{200d}", &["क्\u{200d}"]),
        ] {
            let font = Noto::with(text).unwrap();
            let glyphs = shape(font, text);
            let found: Vec<String> = clusters(text, &glyphs)
                .flat_map(|(letters, glyphs)| meanings(font, letters, glyphs))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn codes_come_to_an_end() {
        let mut codes = FontCodes::default();
        for number in 0..=u16::MAX {
            codes.code(number, String::new());
        }
        assert_eq!((codes.code(0, String::new()), codes.code(u16::MAX, String::new())), (1, 0));
    }
}
