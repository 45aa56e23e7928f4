//! Draws text in an embedded font.

use super::codes::Codes;
use super::fonts::Noto;
use super::page::{Style, short};
use super::shape::{Glyph, shape};
use super::text::Face;
use pdf_writer::types::{LineJoinStyle, TextRenderingMode};
use pdf_writer::{Content, Name, Str, TextStr};

/// How thick the outline is that makes a text bold, to the font size. There are no bold fonts, because they would
/// double what an invoice carries.
const BOLD_OUTLINE: f32 = 0.035;

/// What has no width and no ink.
const NOTHING: char = '\u{200b}';

/// Draws a text where the content is.
///
/// The text goes along as it was written, because some readers guess wrong from where the glyphs are.
pub(super) fn text(content: &mut Content, codes: &mut Codes, font: Noto, style: Style, text: &str) {
    let mut glyphs = shape(font, text);
    // Readers take the end of the last glyph for that of the text, but a mark may end anywhere.
    let end = font.glyph(NOTHING).map(|id| Glyph { id, advance: 0, x: 0, y: 0, start: text.len() });
    glyphs.extend(end);
    let codes = codes.encode(font, text, &glyphs);

    content.begin_marked_content_with_properties(Name(b"Span")).properties().actual_text(TextStr(text));
    content.set_font(Name(font.name().as_bytes()), style.size);
    if style.face == Face::Bold {
        let [red, green, blue] = style.colour;
        content.set_stroke_rgb(red, green, blue).set_line_width(short(style.size * BOLD_OUTLINE));
        content.set_line_join(LineJoinStyle::RoundJoin);
        content.set_text_rendering_mode(TextRenderingMode::FillStroke);
    }
    let glyphs: Vec<_> = glyphs.into_iter().zip(codes).collect();
    draw(content, font, style.size, &glyphs);
    if style.face == Face::Bold {
        content.set_text_rendering_mode(TextRenderingMode::Fill);
    }
    content.end_marked_content();
}

/// Draws glyphs, given with their codes, in their places. A reader moves its pen by the advance of the glyph in the
/// font; where the text needs another, the pen is moved.
fn draw(content: &mut Content, font: Noto, size: f32, glyphs: &[(Glyph, u16)]) {
    let (mut pen, mut readers_pen, mut rise) = (0, 0, 0);
    for level in glyphs.chunk_by(|(a, _), (b, _)| a.y == b.y) {
        let y = level[0].0.y;
        if y != rise {
            content.set_rise(short(y as f32 * size / 1000.0));
            rise = y;
        }
        let mut shown = content.show_positioned();
        let mut items = shown.items();
        let mut codes = Vec::with_capacity(2 * level.len());
        for (glyph, code) in level {
            let x = pen + glyph.x;
            if x != readers_pen {
                if !codes.is_empty() {
                    items.show(Str(&codes));
                    codes.clear();
                }
                items.adjust((readers_pen - x) as f32);
            }
            codes.extend(code.to_be_bytes());
            readers_pen = x + font.advance(glyph.id);
            pen += glyph.advance;
        }
        items.show(Str(&codes));
    }
    if rise != 0 {
        content.set_rise(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(face: Face, text: &str) -> String {
        let (mut content, mut codes) = (Content::new(), Codes::default());
        let style = Style::new(face, 10.0, [0.0, 0.5, 1.0]);
        super::text(&mut content, &mut codes, Noto::with(text).unwrap(), style, text);
        String::from_utf8_lossy(content.finish().as_slice()).into_owned()
    }

    #[test]
    fn the_text_goes_along() {
        let content = drawn(Face::Regular, "कि");
        let lines: Vec<&str> = content.lines().map(str::trim).collect();
        assert_eq!(lines[0], "/Span <<", "{content}");
        assert_eq!(lines[1], "/ActualText <FEFF0915093F>");
        assert_eq!(lines[2], ">> BDC");
        assert_eq!(lines[3], "/NotoSansDevanagari-Regular 10 Tf");
        assert_eq!(lines[4..], [r"[(\000\001\000\002\000\003)] TJ", "EMC"]);
    }

    #[test]
    fn bold_is_an_outline_that_ends_with_the_text() {
        let content = drawn(Face::Bold, "क");
        assert!(content.contains("\n0 0.5 1 RG\n0.35 w\n1 j\n2 Tr\n["), "{content}");
        assert!(content.ends_with("TJ\n0 Tr\nEMC"), "{content}");
    }

    #[test]
    fn raised_marks_end_at_the_base_line() {
        let content = drawn(Face::Regular, "Ж\u{301}");
        let rises: Vec<&str> = content.lines().filter(|line| line.ends_with(" Ts")).collect();
        assert!(rises.len() == 2 && rises[0] != "0 Ts" && rises[1] == "0 Ts", "{content}");
    }
}
