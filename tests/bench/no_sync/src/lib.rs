//! Stands between `longshore` and its C library (LD_PRELOAD) and answers every sync at once, which is what SQLite's
//! `synchronous` `OFF` comes to. The product itself does not offer that setting: it loses tasks that were acknowledged.
#![allow(unsafe_code, reason = "functions of the C library can only be replaced by functions of their names")]

use std::ffi::c_int;

#[unsafe(no_mangle)]
extern "C" fn fsync(_: c_int) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(_: c_int) -> c_int {
    0
}
