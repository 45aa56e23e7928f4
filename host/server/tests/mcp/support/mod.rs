//! A host to talk to, and clients that talk to it.

mod client;
mod program;
mod shape;
mod world;

pub use client::{Client, Era};
pub use shape::check;
pub use world::World;
