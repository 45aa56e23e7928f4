//! Writes to its log without end: long lines, and empty ones.

use gallery::longshore::job::log::{Level, write};

gallery::guest!("Writes to its log without end.", |_| {
    let line = "x".repeat(64 * 1024);
    loop {
        write(Level::Error, &line);
        write(Level::Debug, "");
    }
});
