//! Compiled code: how it is made, and the one place where it is trusted.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Makes compiled code of `engine`'s kind runnable.
///
/// `bytes` must be what this program, or its compiling child process, made with the same settings, unchanged: see
/// the callers.
#[allow(unsafe_code, reason = "wasmtime cannot check compiled code, so loading it is unsafe by nature")]
pub(crate) fn own_code(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: every caller passes bytes that wasmtime itself serialized: within this process, in a child process that
    // runs this program, or in an earlier run of it; the latter come from a folder that only this user can write to,
    // with a digest that was compared. wasmtime checks that version and settings are the same.
    unsafe { Component::deserialize(engine, bytes) }
}
