//! The beginning of an id, as people type it.

use std::fmt;
use std::str::FromStr;

use crate::IdError;

/// The first hexadecimal digits of ids of sixteen bytes. Hyphens may stand anywhere, and the case is of no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPrefix(String);

impl IdPrefix {
    /// Digits that a prefix has at least. Fewer name one of many jobs by chance, and soon another.
    pub const DIGITS_MIN: usize = 4;

    /// Digits of a whole id.
    const DIGITS_MAX: usize = 32;

    /// The first and the last id that begin so.
    pub fn bounds(&self) -> ([u8; 16], [u8; 16]) {
        let filled = |digit: char| {
            let digits: String =
                self.0.chars().chain(std::iter::repeat(digit)).take(Self::DIGITS_MAX).collect();
            // They were checked to be hexadecimal digits.
            u128::from_str_radix(&digits, 16).unwrap_or_default().to_be_bytes()
        };
        (filled('0'), filled('f'))
    }
}

impl fmt::Display for IdPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IdPrefix {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits: String = text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        let wrong = |rule| Err(IdError::new("id", text, rule));
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong("it is a UUID or the beginning of one: hexadecimal digits and hyphens");
        }
        match digits.len() {
            0..Self::DIGITS_MIN => wrong("the beginning of an id has at least 4 digits"),
            Self::DIGITS_MIN..=Self::DIGITS_MAX => Ok(Self(digits)),
            _ => wrong("an id has 32 digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(text: &str) -> (String, String) {
        let (first, last) = text.parse::<IdPrefix>().unwrap().bounds();
        let hex = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
        (hex(first), hex(last))
    }

    #[test]
    fn a_prefix_names_the_ids_that_begin_so() {
        assert_eq!(bounds("5F0e"), (format!("5f0e{}", "0".repeat(28)), format!("5f0e{}", "f".repeat(28))));
        let (first, last) = bounds("5f0e9a2c-3f44-4");
        assert!(first.starts_with("5f0e9a2c3f4440") && last.starts_with("5f0e9a2c3f444f"), "{first} {last}");
        let whole = "5f0e9a2c3f444f079a635d2f4a8f7c11";
        assert_eq!(bounds(whole), (whole.into(), whole.into()));
    }

    #[test]
    fn what_is_no_prefix_is_refused_with_the_rule() {
        for (text, rule) in [
            ("", "hexadecimal"),
            ("--", "hexadecimal"),
            ("5f0", "at least 4 digits"),
            ("5-f-0", "at least 4 digits"),
            ("latest", "hexadecimal"),
            ("５ｆ０ｅ", "hexadecimal"),
            ("5f0e9a2c3f444f079a635d2f4a8f7c11a", "32 digits"),
        ] {
            let error = text.parse::<IdPrefix>().unwrap_err().to_string();
            assert!(error.contains(rule), "{text}: {error}");
        }
    }
}
