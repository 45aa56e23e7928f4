//! Runs a job's component in wasmtime; the only crate that knows wasmtime.
