//! The scheduler on a real SQLite file, with jobs that follow a script and a clock that the test moves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "../common/mod.rs"]
mod common;
mod dispatch;
mod ends;
mod log;
mod mail;
mod pausing;
mod pruning;
mod recovery;
mod schedules;
mod support;
