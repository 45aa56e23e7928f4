//! Texts of others, made fit to be kept and shown.

use longshore_domain::beginning_of;

/// Characters of a failure that are kept.
const CHARS_MAX: usize = 500;

/// `text` on one line, not too long, and with stars in place of each of the `secrets`. Servers repeat what they were
/// sent, and libraries what they were given.
pub(crate) fn plain(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    let beginning = beginning_of(&line, CHARS_MAX);
    if beginning.len() < line.len() { format!("{beginning}…") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_lines_and_length_are_cut() {
        assert_eq!(plain("no\r\n hunter2 \u{1b}[31m, hunter2!", &["hunter2", ""]), "no *** [31m, ***!");
        assert_eq!(plain(&"é".repeat(600), &[]).chars().count(), CHARS_MAX + 1);
    }
}
