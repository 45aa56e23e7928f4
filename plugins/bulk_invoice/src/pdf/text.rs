//! Text in Helvetica, which every PDF reader has, so that most invoices need not carry a font.
//!
//! Helvetica has the characters of Windows-1252. The rupee sign is not among them and is written `Rs.`; any other
//! that is not becomes `?`, unless one of the fonts that an invoice can carry has it.

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
    /// How wide a text is in Helvetica, in thousandths of the font size.
    pub(super) fn helvetica_width(self, text: &str) -> u32 {
        let widths = if self == Self::Bold { &BOLD } else { &REGULAR };
        let width = |byte: u8| {
            let known = byte.checked_sub(b' ').and_then(|index| widths.get(usize::from(index)));
            u32::from(*known.unwrap_or(&OTHER))
        };
        encode(text).into_iter().map(width).sum()
    }
}

/// Whether Helvetica is the font to write all of this in.
pub(super) fn has(text: &str) -> bool {
    text.is_ascii()
        || text.chars().all(|letter| letter == '₹' || is_invisible(letter) || byte(letter).is_some())
}

/// Whether a character only tells how to join or to break what is around it, or which form to choose.
pub(super) fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// A text in Windows-1252.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '₹' => bytes.extend_from_slice(b"Rs."),
            _ if is_invisible(letter) => {}
            _ => bytes.push(byte(letter).unwrap_or(b'?')),
        }
    }
    bytes
}

/// A character in Windows-1252.
fn byte(letter: char) -> Option<u8> {
    Some(match letter {
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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_measured_and_encoded() {
        assert_eq!(encode("Café – ₹5 हिन्दी"), b"Caf\xe9 \x96 Rs.5 ??????");
        assert_eq!(encode("a\u{200d}b\u{feff}"), b"ab");
        assert_eq!(Face::Regular.helvetica_width("Hello"), 2278);
        assert_eq!(Face::Bold.helvetica_width("1,000.00"), 3892);
    }

    #[test]
    fn it_is_known_what_helvetica_has() {
        assert!(has("Café – ₹5\r\n\u{200d}"));
        assert!(!has("Łódź") && !has("हिन्दी"));
    }
}
