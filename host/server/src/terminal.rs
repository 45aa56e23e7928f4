//! Texts of others, made fit for a terminal.
//!
//! A terminal obeys control characters, and shows what bidirectional overrides reorder in another order than it is in. What
//! a plugin, an agent or a file says must neither act nor pass for something else, so each such character is shown as the
//! escape that JSON has for it. JSON text that goes through here therefore says the same as before.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The same text for a place where it may have several lines: line breaks and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| acts(c) && c != '\n' && c != '\t')
}

/// The same text for a place that is one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// The text with each line but the first set in by so many columns, so that none of them passes for a line of ours.
pub fn hanging(text: &str, columns: usize) -> String {
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| format!("{text}\n{}", format!("{:columns$}{line}", "").trim_end()))
}

/// Whether a terminal does something else with the character than to show it in its place: controls (C0, DEL, C1), line
/// and paragraph separators, bidirectional embeddings, overrides and isolates.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_to_be: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_to_be) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_to_be(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            // All of them have four digits at most. Writing to a string does not fail.
            c => drop(write!(shown, "\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(line("a\u{1b}[2Jb\u{7}\u{7f}\u{9b}31m"), "a\\u001b[2Jb\\u0007\\u007f\\u009b31m");
        assert_eq!(line("one\ntwo\r\tthree\u{85}\u{2028}"), "one\\ntwo\\r\\tthree\\u0085\\u2028");
        assert_eq!(line("exe.\u{202e}fdp\u{2066}x\u{2069}"), "exe.\\u202efdp\\u2066x\\u2069");
        assert_eq!(lines("one\n\ttwo\r\u{1b}"), "one\n\ttwo\\r\\u001b");
    }

    #[test]
    fn what_is_only_text_stays_as_it_is() {
        for text in ["", "Zürich, 東京, مرحبا, नमस्ते, 👩‍🚀", "C:\\dir \\u001b", "a\u{200f}b\u{a0}c"]
        {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn json_says_the_same_afterwards() {
        let all: String = (0..=0x2100).filter_map(char::from_u32).collect();
        let value = Value::from(vec![all]);
        let shown = serde_json::to_string_pretty(&value).unwrap();
        let shown = lines(&shown);
        assert!(!shown.contains(|c| acts(c) && c != '\n'), "all are escaped");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }

    #[test]
    fn lines_of_others_stay_within_their_place() {
        assert_eq!(hanging("one", 4), "one");
        assert_eq!(hanging("one\r\n  two\n\nerror: three\n", 2), "one\n    two\n\n  error: three");
    }
}
