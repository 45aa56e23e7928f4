//! Whom a job may write to.

use serde::{Deserialize, Serialize};

/// Whom a job may write to: patterns in which `*` stands for any text, compared ignoring the case of ASCII letters. What
/// could be read as several recipients, or as a name before one, fits a pattern that is the very text, or `*` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipients(Vec<String>);

impl Recipients {
    /// Whether one of the patterns fits all of `recipient`.
    pub fn allow(&self, recipient: &str) -> bool {
        let recipient = recipient.to_ascii_lowercase();
        let is_plain = !recipient.contains(|c: char| c.is_whitespace() || ",;<>()[]\"\\".contains(c))
            && recipient.matches('@').count() <= 1;
        self.0
            .iter()
            .map(|pattern| pattern.to_ascii_lowercase())
            .any(|pattern| pattern == "*" || pattern == recipient || (is_plain && fits(&pattern, &recipient)))
    }

    /// The patterns.
    pub fn patterns(&self) -> &[String] {
        &self.0
    }
}

/// Whether `text` is what `pattern` says. Each part between stars is taken where it comes first, which leaves most to
/// those after it, so nothing has to be tried twice.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recipients_are_patterns() {
        let recipients = Recipients(vec!["*@example.com".into(), "ops@corp.test".into(), "a*b*c".into()]);
        for good in ["ann@example.com", "Ann@EXAMPLE.com", "ops@corp.test", "abc", "aXbbXc"] {
            assert!(recipients.allow(good), "{good}");
        }
        for bad in ["ann@example.com.evil.test", "xops@corp.test", "ops@corp.testx", "", "ac", "cba"] {
            assert!(!recipients.allow(bad), "{bad}");
        }
        for several in [
            "eve@evil.test,ann@example.com",
            "eve@evil.test; ann@example.com",
            "\"eve@evil.test\" ann@example.com",
            "<eve@evil.test>ann@example.com",
            "eve@evil.test@example.com",
            "eve@evil.test\u{a0}ann@example.com",
        ] {
            assert!(!recipients.allow(several), "{several}");
            assert!(Recipients(vec!["*".into()]).allow(several));
        }
        assert!(Recipients(vec!["https://hooks.test/a/*".into()]).allow("https://hooks.test/a/b"));
        assert!(!Recipients::default().allow("anybody"));
    }

    proptest! {
        #[test]
        fn a_pattern_fits_whatever_its_stars_stand_for(
            parts in prop::collection::vec("[ab]{0,3}", 1..5), fill in prop::collection::vec("[ab]{0,3}", 4),
        ) {
            let mut text = parts[0].clone();
            for (part, fill) in parts[1..].iter().zip(&fill) {
                text += fill;
                text += part;
            }
            prop_assert!(fits(&parts.join("*"), &text));
        }

        #[test]
        fn a_pattern_agrees_with_a_way_that_tries_everything(pattern in "[ab*]{0,6}", text in "[ab]{0,6}") {
            prop_assert_eq!(fits(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }

    /// The same, trying everything.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some((byte, rest)) => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }
}
