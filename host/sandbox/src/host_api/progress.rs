//! `progress`: how far the job is. Called for every row by some jobs, so it does next to nothing.

use crate::bindings::longshore::job::progress::Host;
use crate::bindings::longshore::job::types::Signal;
use crate::guest::Guest;
use crate::host_api::signal;

/// Bytes of the line that says how far the job is; the rest is cut off.
const MESSAGE_BYTES_MAX: usize = 500;

/// The largest number that every client can read: beyond it, JavaScript loses digits.
const NUMBER_MAX: u64 = (1 << 53) - 1;

impl Host for Guest {
    fn report(&mut self, done: u64, total: Option<u64>, message: String) -> wasmtime::Result<Signal> {
        let message = one_line(self.log.known.hidden(message));
        let attempt = self.attempt()?;
        let total = total.map(|total| total.min(NUMBER_MAX));
        attempt.request.progress.report(done.min(NUMBER_MAX), total, message);
        Ok(signal(attempt))
    }
}

/// Makes a short line of whatever a job says.
fn one_line(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let cut = (0..=MESSAGE_BYTES_MAX).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
        message.truncate(cut);
    }
    if message.contains(char::is_control) {
        message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_line() {
        assert_eq!(one_line("a\nb\u{1b}[0m".into()), "a b [0m");
        assert_eq!(one_line("é".repeat(400)).len(), MESSAGE_BYTES_MAX);
        assert_eq!(one_line("x".repeat(9_000)).len(), MESSAGE_BYTES_MAX);
    }
}
