//! What the benchmarks of the product from outside share: a project folder, an MCP client, the job that does nothing, and
//! what the machine gives meanwhile.

pub mod client;
pub mod counter;
pub mod machine;
pub mod program;
pub mod project;
pub mod stats;
pub mod throughput;

use std::error::Error;

/// What a benchmark gives, or why it cannot.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
