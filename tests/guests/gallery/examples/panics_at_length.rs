//! Panics with a message of 16 MiB, with control characters in it.

gallery::guest!("Panics with a huge message.", |_| panic!("{}", "\u{1b}[2J no way out \n".repeat(1 << 20)));
