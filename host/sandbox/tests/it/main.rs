//! The sandbox with real components, and a store that is scripted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` values read better as they are")]

mod commit;
mod compiler;
mod data;
mod directories;
mod ends;
mod fresh;
mod fuzz;
mod grants;
mod host_calls;
mod http;
mod policies;
mod queries;
mod registry;
mod stop;
mod support;
