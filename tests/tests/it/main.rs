//! The product, tried as its users use it: the real binary over real pipes, on a real SQLite file, with components built
//! from source. One binary, because linking the host is what costs time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` values are made where they are passed")]

mod awkward;
mod backup;
mod bar;
mod behind;
mod cli;
mod doctor;
mod faults;
mod first_start;
mod grants;
mod input;
mod jobs;
mod kill;
mod limits;
mod log;
mod many;
mod mcp;
mod ps;
mod reload;
mod schedules;
mod service;
mod slots;
mod support;
mod terminal;
mod tokens;
mod unread;
