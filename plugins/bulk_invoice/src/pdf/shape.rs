//! From characters to glyphs: which ones, in which order and where. In the scripts of India letters join, change
//! their form and swap places.

use super::fonts::Noto;
use harfrust::{Buffer, BufferFlags, Direction, ShapeOptions, ShaperFont};

/// A glyph in its place. All lengths are in thousandths of the font size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glyph {
    pub(super) id: u16,
    /// How far the pen moves.
    pub(super) advance: i32,
    /// Where the glyph is drawn, from the pen.
    pub(super) x: i32,
    pub(super) y: i32,
    /// Start of the letters it is of, in the text.
    pub(super) start: usize,
}

/// The glyphs of a text.
pub(super) fn shape(font: Noto, text: &str) -> Vec<Glyph> {
    let mut buffer = Buffer::new();
    buffer.push_str(text);
    buffer.set_direction(Direction::LeftToRight);
    buffer.set_script(Some(font.script()));
    buffer.set_flags(BufferFlags::REMOVE_DEFAULT_IGNORABLES);
    let options = ShapeOptions::new().plan(Some(font.plan()));
    harfrust::shape(&ShaperFont::new(font.font()), &mut buffer, options)
        .expect("the buffer has the direction and script of the plan");
    let glyphs = buffer.glyph_infos().iter().zip(buffer.glyph_positions());
    glyphs
        .map(|(info, position)| Glyph {
            id: info.glyph_id as u16,
            advance: position.x_advance,
            x: position.x_offset,
            y: position.y_offset,
            start: info.cluster as usize,
        })
        .collect()
}

/// How wide a text is.
pub(super) fn width(font: Noto, text: &str) -> i32 {
    shape(font, text).iter().map(|glyph| glyph.advance).sum()
}

/// The parts of a text that became glyphs together, with those glyphs.
pub(super) fn clusters<'a>(
    text: &'a str,
    glyphs: &'a [Glyph],
) -> impl Iterator<Item = (&'a str, &'a [Glyph])> {
    let mut parts = glyphs.chunk_by(|a, b| a.start == b.start).peekable();
    std::iter::from_fn(move || {
        let part = parts.next()?;
        let end = parts.peek().map_or(text.len(), |next| next[0].start);
        Some((text.get(part[0].start..end).unwrap_or_default(), part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(text: &str) -> Vec<Glyph> {
        shape(Noto::with(text).unwrap(), text)
    }

    #[test]
    fn letters_join() {
        for (text, glyphs) in [("क्ष", 1), ("श्री", 2), ("ಕ್ಷ", 1), ("শ্রী", 2), ("ശ്രീ", 3), ("శ్రీ", 2)]
        {
            assert!(shaped(text).len() <= glyphs, "{text}: {:?}", shaped(text));
        }
    }

    #[test]
    fn vowel_signs_swap_places_with_their_consonant() {
        for (text, first) in [("ति", 'ि'), ("கெ", 'ெ'), ("কি", 'ি')] {
            let font = Noto::with(text).unwrap();
            let glyphs = shape(font, text);
            assert_eq!(glyphs.len(), 2, "{text}");
            assert_ne!(Some(glyphs[0].id), font.glyph(text.chars().next().unwrap()), "{first} is first");
        }
    }

    #[test]
    fn marks_have_their_place_over_letters() {
        let glyphs = shaped("Ж\u{301}");
        assert_eq!((glyphs.len(), glyphs[1].advance), (2, 0));
        assert!(glyphs[1].x != 0 || glyphs[1].y != 0, "{glyphs:?}");
    }

    #[test]
    fn clusters_cover_the_text() {
        let text = "हिन्दी मार्ग";
        let glyphs = shaped(text);
        let parts: Vec<&str> = clusters(text, &glyphs).map(|(part, _)| part).collect();
        assert_eq!(parts.concat(), text);
        assert_eq!(clusters(text, &glyphs).map(|(_, part)| part.len()).sum::<usize>(), glyphs.len());
    }
}
