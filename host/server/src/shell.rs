//! Words for a POSIX shell: what is printed to be pasted names the same file after the shell has read it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::terminal;

/// The text as one word of a shell command.
///
/// What needs no quoting stays as it is. Text that a terminal shows as it is goes between single quotes. For the rest,
/// bytes that are not UTF-8 and characters that [`terminal`] escapes, there is `$'…'` (bash, zsh, POSIX 2024), because the
/// escape that is shown in their place would name another file.
pub fn quote(text: impl AsRef<OsStr>) -> String {
    match text.as_ref().to_str() {
        Some(text) if !text.is_empty() && text.bytes().all(is_plain) => text.to_owned(),
        Some(text) if terminal::line(text) == text => format!("'{}'", text.replace('\'', r"'\''")),
        _ => format!("$'{}'", escaped(text.as_ref().as_bytes())),
    }
}

/// The path as one word that no command takes for an option: `cd -` would go elsewhere.
pub fn quote_path(path: &Path) -> String {
    if path.as_os_str().as_bytes().starts_with(b"-") { quote(Path::new(".").join(path)) } else { quote(path) }
}

/// Whether a shell reads the byte as itself, wherever in a word it stands.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./,:@%+-".contains(&byte)
}

/// Bytes within `$'…'`.
fn escaped(bytes: &[u8]) -> String {
    let mut word = String::new();
    let mut buffer = [0; 4];
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let text: &str = c.encode_utf8(&mut buffer);
            match c {
                '\'' | '\\' => word.extend(['\\', c]),
                _ if terminal::line(text) == *text => word.push(c),
                _ => octal(text.as_bytes(), &mut word),
            }
        }
        octal(chunk.invalid(), &mut word);
    }
    word
}

fn octal(bytes: &[u8], word: &mut String) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(word, "\\{byte:03o}");
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::process::Command;

    use super::*;

    /// What the shells of this machine make of the word. The first must understand `$'…'`.
    fn read_by_shell(shell: &str, word: &str) -> Option<Vec<u8>> {
        let script = format!("printf %s {word}");
        let output = Command::new(shell).args(["-c", &script]).output().ok()?;
        assert!(output.status.success(), "{shell}: {word}");
        Some(output.stdout)
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        assert_eq!(quote("/srv/shop-2/data_1.db"), "/srv/shop-2/data_1.db");
        assert_eq!(quote("my shop"), "'my shop'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote_path(Path::new("-")), "./-");
        assert_eq!(quote_path(Path::new("-my shop")), "'./-my shop'");
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        for text in [
            "a b",
            "$HOME",
            "`id`",
            "$(id)",
            "!!",
            "a\\b",
            "a\"b",
            "it's",
            "~",
            "~/x",
            "a;b",
            "a&b",
            "a|b",
            "*",
            "[a]",
            "{a,b}",
            "#a",
            "a=b",
            "=ls",
            "^a^b",
            "(a)",
            "<a>",
            "दुकान",
            "東京 1",
            "two\nlines",
            "tab\there",
            "\u{1b}[2J",
            "\u{202e}txt",
            "mixed '\\\u{7} é",
        ] {
            let shown = quote(text);
            assert_eq!(terminal::line(&shown), shown, "is shown as it is");
            let read = read_by_shell("bash", &shown).expect("bash is here");
            assert_eq!(read, text.as_bytes(), "{shown}");
            if !shown.starts_with('$') {
                assert_eq!(read_by_shell("sh", &shown).expect("sh is here"), text.as_bytes(), "{shown}");
            }
        }
        let bytes = OsString::from_vec(b"caf\xe9 'x'".to_vec());
        assert_eq!(quote(&bytes), r"$'caf\351 \'x\''");
        assert_eq!(read_by_shell("bash", &quote(&bytes)).expect("bash is here"), b"caf\xe9 'x'");
    }
}
