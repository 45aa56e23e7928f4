//! Builds WebAssembly guests from source for the host, its tests and its tools.
