//! MCP over a pipe, with a real service on a real store and jobs that do as they are told.

mod legacy;
mod limits;
mod lines;
mod modern;
mod resources;
mod shapes;
mod support;
mod tasks;
mod tools;
