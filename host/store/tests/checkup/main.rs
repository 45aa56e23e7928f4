//! Checkups of real folders: each damage is made by hand, and has to be told by its name.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod database;
mod files;
mod fixing;
mod kit;
mod live;
mod rows;
