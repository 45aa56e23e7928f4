//! CSV that people open in a spreadsheet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// First characters that make spreadsheets read a field as a formula, or take it apart. The last four are the wide
/// forms of the first, which some turn into them.
const FORMULA_STARTS: [&[u8]; 11] = [
    b"=",
    b"+",
    b"-",
    b"@",
    b"\t",
    b"\r",
    b"\n",
    "＝".as_bytes(),
    "＋".as_bytes(),
    "－".as_bytes(),
    "＠".as_bytes(),
];

/// Texts in csv that a spreadsheet takes for formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Formulas {
    /// As they are (default).
    #[default]
    Exact,
    /// With `'` before them, for files that people open.
    Escape,
}

impl Formulas {
    /// Whether a text needs a `'` before it. Numbers do not, whatever their sign.
    #[inline]
    pub fn escapes(self, text: &[u8]) -> bool {
        self == Self::Escape && FORMULA_STARTS.iter().any(|start| text.starts_with(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_exact_or_escaped() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝1"] {
            assert!(Formulas::Escape.escapes(text.as_bytes()) && !Formulas::Exact.escapes(text.as_bytes()));
        }
        for text in ["", "a=1", "1-1", "'=1"] {
            assert!(!Formulas::Escape.escapes(text.as_bytes()), "{text}");
        }
    }
}
