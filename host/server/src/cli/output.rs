//! The only way out for what commands say: results to stdout, everything else to stderr. Nothing goes to a terminal that
//! it would obey, whoever wrote it.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::logging::{self, LogFormat};
use crate::terminal;

/// Prints `text` and a line end.
pub(super) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", terminal::lines(text)).and_then(|()| stdout.flush()).context("cannot print")
}

/// Prints a value as JSON for programs, laid out so that people can read it, too.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value).context("cannot print as JSON")?)
}

/// Prints a value as JSON on one line, for output that goes on.
pub(super) fn print_json_line(value: &impl Serialize) -> Result<()> {
    print(&serde_json::to_string(value).context("cannot print as JSON")?)
}

/// Tells people how things go; in a JSON log as a line of it.
pub(super) fn say(text: &str) {
    logging::say(text);
}

/// Whether somebody can be asked, and see what.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && logging::format() == LogFormat::Human
}

/// Writes a line to stderr as it is.
pub(super) fn say_as_it_is(line: &str) {
    // Nobody may be listening any more; the work goes on.
    let _ = logging::write(&format!("{}\n", terminal::lines(line)));
}
