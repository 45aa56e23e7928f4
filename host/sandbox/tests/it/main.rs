//! The sandbox with real components, and a store that is scripted.

mod commit;
mod data;
mod ends;
mod host_calls;
mod registry;
mod stop;
mod support;
