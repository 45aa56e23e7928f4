//! The binary longshore and its library: configuration, command line, MCP.

pub mod config;
pub mod env;
pub mod mcp;
pub mod sample;
pub mod view;
