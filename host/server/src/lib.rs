//! The binary longshore and its library: configuration, command line, MCP.
//!
//! [`app`] puts the host together, [`cli`] and [`mcp`] are the fronts that ask it.

pub mod app;
mod cli;
pub mod client_schema;
pub mod config;
mod embedded;
pub mod env;
mod file_size;
pub mod logging;
pub mod mcp;
mod memory;
mod open_files;
pub mod sample;
pub mod shell;
pub mod terminal;
pub mod view;

pub use cli::main;
