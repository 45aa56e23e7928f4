//! What the tests stand on: a project folder, the binary, and an MCP client that hides nothing.

mod client;
mod machine;
mod project;

pub(crate) use client::{Client, Era};
pub(crate) use machine::{Machine, until};
pub(crate) use project::{Project, guest, sha256};
