//! Lines for the task's log.

pub use crate::bindings::longshore::job::log::Level;

/// Adds a line for the author of the job to the task's log: `debug!(ctx, "row {id} has no city")`.
#[macro_export]
macro_rules! debug {
    ($ctx:expr, $($message:tt)+) => { $ctx.log($crate::Level::Debug, &::std::format!($($message)+)) };
}

/// Adds a line about what happened to the task's log: `info!(ctx, "{count} rows")`.
#[macro_export]
macro_rules! info {
    ($ctx:expr, $($message:tt)+) => { $ctx.log($crate::Level::Info, &::std::format!($($message)+)) };
}

/// Adds a line about something that is off, though the job goes on, to the task's log.
#[macro_export]
macro_rules! warn {
    ($ctx:expr, $($message:tt)+) => { $ctx.log($crate::Level::Warn, &::std::format!($($message)+)) };
}

/// Adds a line about something that failed to the task's log.
#[macro_export]
macro_rules! error {
    ($ctx:expr, $($message:tt)+) => { $ctx.log($crate::Level::Error, &::std::format!($($message)+)) };
}
