//! How wide a text is and how it is broken into lines, whatever fonts it is in.

use super::text::Face;
use super::{runs, shape};
use unicode_segmentation::UnicodeSegmentation;

impl Face {
    /// How wide a text is.
    pub(super) fn width(self, text: &str, size: f32) -> f32 {
        let width = |run: runs::Run<'_>| match run.font {
            None => self.helvetica_width(run.text) as f32,
            Some(font) => shape::width(font, run.text) as f32,
        };
        runs::split(text).into_iter().map(width).sum::<f32>() * size / 1000.0
    }

    /// Breaks a text into lines of at most `width`, at spaces where there are some and never within what is read as
    /// one letter.
    pub(super) fn wrap(self, text: &str, size: f32, width: f32) -> Vec<String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let whole = words.join(" ");
        // As most texts do.
        if self.width(&whole, size) <= width {
            return vec![whole];
        }
        let mut lines = vec![String::new()];
        for word in words {
            let line = lines.last_mut().expect("there is always one");
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size) <= width {
                *line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(String::new());
            }
            for letter in word.graphemes(true) {
                let line = lines.last_mut().expect("there is always one");
                let before = line.len();
                line.push_str(letter);
                if before > 0 && self.width(line, size) > width {
                    line.truncate(before);
                    lines.push(letter.to_owned());
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_of_the_fonts() {
        assert!((Face::Regular.width("Hello", 10.0) - 22.78).abs() < 0.001);
        // Joined letters are narrower than the letters.
        let width = |text| Face::Regular.width(text, 10.0);
        assert!(width("क्ष") < width("क") + width("ष"));
        assert!((width("A क") - width("A ") - width("क")).abs() < 0.001);
    }

    #[test]
    fn long_texts_are_broken_at_spaces_and_long_words_anywhere() {
        let lines = Face::Regular.wrap("Stainless steel water bottle", 10.0, 60.0);
        assert_eq!(lines, ["Stainless", "steel water", "bottle"]);
        let lines = Face::Regular.wrap("mmmmmmmmmm ii", 10.0, 30.0);
        assert!(lines.iter().all(|line| Face::Regular.width(line, 10.0) <= 30.0), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), "mmmmmmmmmmii");
        assert_eq!(Face::Regular.wrap("", 10.0, 30.0), [""]);
    }

    #[test]
    fn what_is_read_as_one_letter_is_not_broken() {
        let word = "श्रीनिवासक्षेत्रस्वप्निलकुलकर्णी";
        let lines = Face::Regular.wrap(word, 10.0, 25.0);
        assert!(lines.len() > 3, "{lines:?}");
        assert_eq!(lines.concat(), word);
        let letters: Vec<&str> = lines.iter().flat_map(|line| line.graphemes(true)).collect();
        assert_eq!(letters, word.graphemes(true).collect::<Vec<_>>());
        // Too narrow for any letter: one a line.
        assert_eq!(Face::Regular.wrap("क्षत्रिय", 10.0, 1.0), ["क्ष", "त्रि", "य"]);
    }
}
