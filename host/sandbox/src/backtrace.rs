//! Where a guest was when it ended, in words whose length the guest does not choose.

use std::fmt::{self, Write as _};

use wasmtime::{FrameInfo, WasmBacktrace};

/// Frames that are told. A stack overflow has thousands of the same.
const FRAMES_MAX: usize = 30;

/// Characters of a name that are told.
const NAME_CHARS_MAX: usize = 200;

/// Bytes of a name that are looked at. A mangled name is longer than what it stands for, unless somebody means harm: it
/// may refer to parts of itself again and again.
const NAME_BYTES_MAX: usize = 2_000;

/// Tells the frames of `backtrace`, the innermost first; none when there are none.
pub(crate) fn told(backtrace: &WasmBacktrace) -> Option<String> {
    let frames = backtrace.frames();
    let mut lines: Vec<String> = frames.iter().take(FRAMES_MAX).enumerate().map(line).collect();
    let left_out = frames.len().saturating_sub(FRAMES_MAX);
    if left_out > 0 {
        lines.push(format!("    … {left_out} frames more"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line((number, frame): (usize, &FrameInfo)) -> String {
    let mut line = format!("{number:>5}: ");
    if let Some(offset) = frame.module_offset() {
        let _ = write!(line, "{offset:#8x} - ");
    }
    let module = frame.module().name().map_or_else(|| "<unknown>".to_owned(), short);
    let function =
        frame.func_name().map_or_else(|| format!("<wasm function {}>", frame.func_index()), demangled);
    line + &module + "!" + &function
}

/// A name as its author wrote it, where it is mangled as rustc does.
fn demangled(name: &str) -> String {
    let mut room = Room { text: String::new(), chars_left: NAME_CHARS_MAX };
    match rustc_demangle::try_demangle(head(name)) {
        // Writing ends with an error where the room does.
        Ok(name) => drop(write!(room, "{name:#}")),
        Err(_) => return short(name),
    }
    room.text
}

fn short(name: &str) -> String {
    let mut chars = head(name).chars();
    let kept: String = chars.by_ref().take(NAME_CHARS_MAX).collect();
    if chars.next().is_some() { kept + "…" } else { kept }
}

/// The beginning of a name.
fn head(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

/// Takes so many characters, and no more.
struct Room {
    text: String,
    chars_left: usize,
}

impl fmt::Write for Room {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for character in more.chars() {
            if self.chars_left == 0 {
                self.text.push('…');
                return Err(fmt::Error);
            }
            self.chars_left -= 1;
            self.text.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_as_their_authors_wrote_them() {
        assert_eq!(demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"), "core::fmt::Formatter::pad");
        assert_eq!(demangled("_RNvC7mycrate3run"), "mycrate::run");
        assert_eq!(demangled("main"), "main");
    }

    #[test]
    fn a_name_that_stands_for_an_endless_one_is_cut() {
        // Each type is a tuple of the one before it, twice: two to the power of forty names.
        let mut name = "_RIC1aTuuE".to_owned();
        let mut last = 4;
        for _ in 0..40 {
            let here = name.len() - 2;
            let reference = format!("B{}", base_62(last));
            name.extend(["T", &reference, &reference, "E"]);
            last = here;
        }
        name.push('E');
        let told = demangled(&name);
        assert!(
            told.starts_with("a::<((), ()), (((), ()), ((), ())), ")
                && told.chars().count() == NAME_CHARS_MAX + 1,
            "{told}"
        );
        assert_eq!(demangled(&"x".repeat(10_000_000)).chars().count(), NAME_CHARS_MAX + 1);
        assert_eq!(demangled(&"é".repeat(NAME_BYTES_MAX)).chars().count(), NAME_CHARS_MAX + 1);
    }

    fn base_62(number: usize) -> String {
        const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        match number.checked_sub(1) {
            None => "_".into(),
            Some(number) if number < 62 => format!("{}_", char::from(DIGITS[number])),
            Some(number) => {
                format!("{}{}_", char::from(DIGITS[number / 62]), char::from(DIGITS[number % 62]))
            }
        }
    }
}
