//! The product's own `main`, built a second time so that cargo hands its path to the integration tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    longshore::main()
}
