//! Stands between `longshore` and its C library (LD_PRELOAD), so that the crash harness can hit any commit, sync, rename
//! or delivery exactly, without a line for it in the product.
//!
//! | variable | what it does |
//! |---|---|
//! | `LONGSHORE_CRASH_UNDER` | folders, `:` between them: only calls on what is in them count |
//! | `LONGSHORE_CRASH_AT` | `KIND:before:N`, `KIND:during:N` or `KIND:after:N`: SIGKILL at the N-th call of that kind |
//! | `LONGSHORE_CRASH_RECORD` | file that gets a record of every change, in the order in which they happened |
//! | `LONGSHORE_CRASH_FORGET_SYNCS` | with a record: leaves out every sync, which a test of the harness itself needs |
//! | `LONGSHORE_CRASH_CLOCK_MS` | the wall clock is ahead by that much |
//! | `LONGSHORE_CRASH_CLOCK_FILE` | the wall clock is ahead by what that file says, in milliseconds, at each moment |
//! | `LONGSHORE_CRASH_FAULT_FILE` | while it is there: lines of `ENOSPC`, `EIO` or `EROFS` and a part of a path |
//!
//! Every function calls the kernel itself. So nothing has to be looked up, and nothing here can call itself.
#![allow(
    unsafe_code,
    reason = "functions of the C library can only be replaced by functions that take what C gives them"
)]

mod change;
mod clock;
mod fault;
mod files;
mod folders;
mod place;
mod point;
mod record;
mod settings;
