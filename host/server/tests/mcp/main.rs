//! MCP over a pipe, with a real service on a real store and jobs that do as they are told.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test ends where it cannot go on, and sees all of its support"
)]

mod fuzz;
mod legacy;
mod limits;
mod lines;
mod modern;
mod resources;
mod schedules;
mod shapes;
mod speed;
mod support;
mod tasks;
mod tools;
