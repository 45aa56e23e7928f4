//! What people see: progress on stderr, results on stdout.

use std::io::{self, Write};

/// Tells people how things go.
pub(crate) fn say(line: &str) {
    // Nobody may be listening any more; the work goes on.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Gives a result.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        // The reader has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
