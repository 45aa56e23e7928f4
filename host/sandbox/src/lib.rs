//! Runs a job's component in wasmtime; the only crate that knows wasmtime.
//!
//! - [`Sandbox`] holds the engine and everything that attempts share.
//! - [`PluginRegistry`] watches a plugin folder and keeps the catalog of job types that can be run.
//! - [`compile_child`] is what the host's hidden subcommand calls, so that components are compiled in a process that
//!   can be killed and capped; [`query_child`] is the same for the queries of jobs.
//!
//! A guest gets computing, the interfaces of `longshore:job`, and a WASI that is empty-handed. Everything it uses is
//! metered and limited here: fuel, wall time, memory, and whatever it makes the host keep.

mod artifacts;
mod backtrace;
mod bindings;
mod data;
mod disk;
mod engine;
mod failure;
mod guest;
mod host_api;
mod http;
mod known;
mod limits;
mod linkers;
mod log;
mod program;
mod registry;
mod runner;
mod sandbox;
mod schema;
mod stand_back;
mod stubs;
mod turns;
mod verdict;
mod wasi;

pub use data::{check_source, limit_memory_of_queries, query_child};
pub use registry::{
    CompileError, NoTrust, PluginRegistry, RegistryOptions, Trust, compile_child, load_plugin,
};
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
