//! Prints without end: long lines, short ones, and one that never ends.

use std::io::Write as _;

gallery::guest!("Prints without end.", |_| {
    let line = "x".repeat(64 * 1024);
    loop {
        println!("{line}");
        println!();
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
});
