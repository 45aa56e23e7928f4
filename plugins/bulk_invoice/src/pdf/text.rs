//! Text in the two fonts that every PDF reader has, so that an invoice need not carry one.
//!
//! Helvetica has the characters of Windows-1252. The rupee sign is not among them and is written `Rs.`; any other
//! that is not becomes `?`.

/// A face of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Regular,
    Bold,
}

/// Widths of the characters 32 to 126 in thousandths of the font size, as Adobe's metrics give them.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
#[rustfmt::skip]
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584,
];
/// Beyond ASCII: most letters with accents are as wide as a small letter.
const OTHER: u16 = 556;

impl Face {
    /// How wide a text is.
    pub(super) fn width(self, text: &str, size: f32) -> f32 {
        let widths = if self == Self::Bold { &BOLD } else { &REGULAR };
        let width = |byte: u8| {
            let known = byte.checked_sub(b' ').and_then(|index| widths.get(usize::from(index)));
            u32::from(*known.unwrap_or(&OTHER))
        };
        encode(text).into_iter().map(width).sum::<u32>() as f32 * size / 1000.0
    }

    /// Breaks a text into lines of at most `width`, at spaces where there are some.
    pub(super) fn wrap(self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let line = lines.last_mut().expect("there is always one");
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size) <= width {
                *line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(String::new());
            }
            for letter in word.chars() {
                let line = lines.last_mut().expect("there is always one");
                line.push(letter);
                if self.width(line, size) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(letter.to_string());
                }
            }
        }
        lines
    }
}

/// A text in Windows-1252.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        bytes.push(match letter {
            ' '..='~' | '\u{a0}'..='\u{ff}' => letter as u8,
            '€' => 0x80,
            '…' => 0x85,
            '‘' => 0x91,
            '’' => 0x92,
            '“' => 0x93,
            '”' => 0x94,
            '•' => 0x95,
            '–' => 0x96,
            '—' => 0x97,
            '™' => 0x99,
            '\t' | '\n' | '\r' => b' ',
            '₹' => {
                bytes.extend_from_slice(b"Rs.");
                continue;
            }
            _ => b'?',
        });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_measured_and_encoded() {
        assert_eq!(encode("Café – ₹5 हिन्दी"), b"Caf\xe9 \x96 Rs.5 ??????");
        assert!((Face::Regular.width("Hello", 10.0) - 22.78).abs() < 0.001);
        assert!((Face::Bold.width("1,000.00", 10.0) - 38.92).abs() < 0.001);
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
}
