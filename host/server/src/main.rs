//! The command `longshore`.

use std::process::ExitCode;

fn main() -> ExitCode {
    longshore::main()
}
