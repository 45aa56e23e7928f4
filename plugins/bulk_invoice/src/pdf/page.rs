//! Pages being drawn, with y going down from the top as one reads.

use super::codes::Codes;
use super::text::{Face, encode};
use super::{runs, show};
use pdf_writer::{Content, Name, Str};

/// A4, in points.
pub(super) const WIDTH: f32 = 595.0;
pub(super) const HEIGHT: f32 = 842.0;

/// Names of the fonts in each page's resources.
pub(super) const REGULAR: Name<'static> = Name(b"F1");
pub(super) const BOLD: Name<'static> = Name(b"F2");

/// A colour: red, green, blue.
pub(super) type Colour = [f32; 3];
pub(super) const INK: Colour = [0.13, 0.14, 0.17];
pub(super) const FAINT: Colour = [0.42, 0.45, 0.5];
pub(super) const ACCENT: Colour = [0.09, 0.27, 0.45];
pub(super) const TINT: Colour = [0.93, 0.95, 0.97];
pub(super) const WHITE: Colour = [1.0, 1.0, 1.0];

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) face: Face,
    pub(super) size: f32,
    pub(super) colour: Colour,
}

impl Style {
    pub(super) const fn new(face: Face, size: f32, colour: Colour) -> Self {
        Self { face, size, colour }
    }
}

/// Where a text stands to its x.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// It starts there.
    Left,
    /// It ends there.
    Right,
    /// Its middle is there.
    Centre,
}

/// Pages being drawn, one at a time.
pub(super) struct Pages {
    contents: Vec<Content>,
    current: usize,
    codes: Codes,
}

impl Pages {
    /// One empty page.
    pub(super) fn new() -> Self {
        Self { contents: vec![Content::new()], current: 0, codes: Codes::default() }
    }

    /// Goes to a new page after the others.
    pub(super) fn add(&mut self) {
        self.current = self.contents.len();
        self.contents.push(Content::new());
    }

    /// Goes to a page, the first being 0.
    pub(super) fn turn_to(&mut self, page: usize) {
        self.current = page;
    }

    pub(super) fn count(&self) -> usize {
        self.contents.len()
    }

    /// A line of text; `y` is its base line.
    pub(super) fn text(&mut self, x: f32, y: f32, align: Align, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        let width = || style.face.width(text, style.size);
        let x = match align {
            Align::Left => x,
            Align::Right => x - width(),
            Align::Centre => x - width() / 2.0,
        };
        let font = if style.face == Face::Bold { BOLD } else { REGULAR };
        self.fill_with(style.colour);
        let (content, codes) = (&mut self.contents[self.current], &mut self.codes);
        content.begin_text().set_font(font, style.size);
        content.next_line(short(x), short(HEIGHT - y));
        let mut is_font_set = true;
        for run in runs::split(text) {
            if let Some(font) = run.font {
                show::text(content, codes, font, style, run.text);
                is_font_set = false;
                continue;
            }
            if !is_font_set {
                content.set_font(font, style.size);
                is_font_set = true;
            }
            content.show(Str(&encode(run.text)));
        }
        content.end_text();
    }

    /// A filled rectangle whose upper left corner is at x and y.
    pub(super) fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.fill_with(colour);
        self.content().rect(x, short(HEIGHT - y - height), width, height).fill_nonzero();
    }

    /// A thin horizontal line.
    pub(super) fn rule(&mut self, x: f32, y: f32, width: f32, thickness: f32, colour: Colour) {
        let y = short(HEIGHT - y);
        let [red, green, blue] = colour;
        self.content()
            .set_stroke_rgb(red, green, blue)
            .set_line_width(thickness)
            .move_to(x, y)
            .line_to(x + width, y)
            .stroke();
    }

    fn fill_with(&mut self, [red, green, blue]: Colour) {
        self.content().set_fill_rgb(red, green, blue);
    }

    fn content(&mut self) -> &mut Content {
        &mut self.contents[self.current]
    }

    /// Each page's drawing instructions, and the codes of the glyphs that are in them.
    pub(super) fn finish(self) -> (Vec<Vec<u8>>, Codes) {
        (self.contents.into_iter().map(|content| content.finish().into_vec()).collect(), self.codes)
    }
}

/// Two decimals are finer than any printer, and keep the file small.
pub(super) fn short(points: f32) -> f32 {
    (points * 100.0).round() / 100.0
}
