//! The sinks against servers that speak the real protocols over TCP, and misbehave where a test wants it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod courier;
mod http;
mod kit;
mod smtp;
mod spool;
mod web_client;
mod webhook;
