//! Builds WebAssembly guests from source for the host, its tests and its tools.
//!
//! A guest workspace (`plugins/`, `tests/guests/`) is built by a cargo of its own within the outer cargo's build
//! script, with a clean environment and its own target folder. [`Toolchain::find`] says which rustc can do it,
//! [`build`] does it, and [`build_script::guests`] is all that a `build.rs` has to call.

pub mod build_script;
mod environment;
mod guests;
mod toolchain;

pub use guests::{BuildError, Guest, build, build_examples, cargo};
pub use toolchain::{PREPARED_VAR, TARGET, Toolchain, ToolchainError, prepared_folder};
