//! Secrets that an attempt knows, and that are to be kept nowhere.
//!
//! A job that logs a request, or fails with the answer of a server, would leave them in the task's record for everybody who
//! reads it. This is care for the careless: a job that means to can write a secret in a way that nobody recognises.

use std::sync::{PoisonError, RwLock};

use longshore_domain::Secret;
use memchr::memmem;

/// Shorter texts than this are in many others, too.
const HIDDEN_BYTES_MIN: usize = 4;

/// The secrets that one attempt knows.
#[derive(Debug, Default)]
pub(crate) struct KnownSecrets(RwLock<Vec<Known>>);

struct Known {
    name: String,
    text: String,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(f)
    }
}

impl KnownSecrets {
    /// The attempt is about to know it.
    pub(crate) fn tell(&self, name: &str, secret: &Secret) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A log has lines, and a result has escapes.
        let whole = secret.expose().to_owned();
        let in_json = serde_json::Value::from(whole.as_str()).to_string();
        let in_json = in_json.trim_matches('"').to_owned();
        let lines = secret.expose().lines().map(str::to_owned);
        for text in [whole, in_json].into_iter().chain(lines) {
            if text.len() >= HIDDEN_BYTES_MIN && !known.iter().any(|known| known.text == text) {
                known.push(Known { name: name.to_owned(), text });
            }
        }
        // One that has another in it goes first, or its rest would stay.
        known.sort_by_key(|known| std::cmp::Reverse(known.text.len()));
    }

    /// `text` with stars in place of each.
    pub(crate) fn hidden(&self, mut text: String) -> String {
        for known in self.read().iter() {
            if text.contains(&known.text) {
                text = text.replace(&known.text, "***");
            }
        }
        text
    }

    /// Name of one that is among `bytes`.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let known = self.read();
        known
            .iter()
            .find(|known| memmem::find(bytes, known.text.as_bytes()).is_some())
            .map(|known| known.name.clone())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_hidden_in_every_form_in_which_it_is_likely() {
        let known = KnownSecrets::default();
        assert_eq!(known.hidden("hunter2".into()), "hunter2");
        known.tell("token", &Secret::new("hunter2"));
        known.tell("longer", &Secret::new("hunter2hunter2"));
        known.tell("key", &Secret::new("BEGIN\n\"abc\"\nEND"));
        known.tell("short", &Secret::new("abc"));
        assert_eq!(known.hidden("a hunter2, hunter2hunter2!".into()), "a ***, ***!");
        assert_eq!(known.hidden(r#"{"key":"BEGIN\n\"abc\"\nEND"}"#.into()), r#"{"key":"***"}"#);
        assert_eq!(known.hidden("line: \"abc\" and abc".into()), "line: *** and abc");
        assert_eq!(known.found_in(b"\xff hunter2 \xff").as_deref(), Some("token"));
        assert_eq!(known.found_in(b"hunter"), None);
        assert!(!format!("{known:?}").contains("hunter2"));
    }
}
