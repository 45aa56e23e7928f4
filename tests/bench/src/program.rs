//! What the benchmarks do as programs: they read arguments, print one JSON object, and tell of progress on stderr.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::Result;

/// Runs a benchmark with the arguments of this process: prints its report, or why there is none, or, if they begin
/// with `--help`, `usage`.
pub fn run(usage: &str, measure: impl FnOnce(&mut dyn Iterator<Item = String>) -> Result<Value>) -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "--help") {
        say(usage);
        return ExitCode::SUCCESS;
    }
    match measure(&mut words) {
        Ok(report) => {
            writeln!(std::io::stdout(), "{report}").map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells whoever waits how it goes.
pub fn say(text: &str) {
    let program = std::env::args().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
    // Nobody reads it if stderr is closed.
    let _ = writeln!(std::io::stderr(), "{name}: {text}");
}
