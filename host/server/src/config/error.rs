//! What is wrong with a configuration file, and where.

use std::io;
use std::path::{Path, PathBuf};

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that makes no sense.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl ConfigError {
    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Invalid { hint, .. } => hint.as_deref(),
            Self::Unreadable { .. } => None,
        }
    }

    pub(super) fn from_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        // The parser's own message may go on with a list over several lines.
        let message = error.message().lines().map(str::trim).collect::<Vec<_>>().join(", ");
        let hint = suggestion(&message);
        Self::Invalid { file: file.to_owned(), line, column, message, hint }
    }
}

/// Line and column, from 1, of the byte at `offset`.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The known name that is nearest to the unknown one, where the message lists both between backquotes.
fn suggestion(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown ") {
        return None;
    }
    let wrong = quoted.next()?;
    let nearest = quoted.min_by_key(|known| distance(wrong, known))?;
    (distance(wrong, nearest) <= wrong.chars().count() / 2).then(|| format!("did you mean `{nearest}`?"))
}

/// How many characters must be put in, taken out or replaced to make `right` of `wrong` (Levenshtein).
fn distance(wrong: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in wrong.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        assert_eq!(place("abc", 0), (1, 1));
        assert_eq!(place("a\nbé=", 5), (2, 3));
        assert_eq!(place("a", 99), (1, 2));
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(distance("concurency", "concurrency"), 1);
        assert_eq!(distance("", "ab"), 2);
        let known = "unknown field `zzz`, expected one of `store`, `worker`";
        assert_eq!(suggestion(known), None);
        let near = "unknown field `stroe`, expected one of `store`, `worker`";
        assert_eq!(suggestion(near).unwrap(), "did you mean `store`?");
    }
}
