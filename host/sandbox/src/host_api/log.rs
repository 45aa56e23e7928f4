//! `log`: lines for the task's log.

use longshore_domain::LogLevel;

use crate::bindings::longshore::job::log::{Host, Level};
use crate::guest::Guest;

impl Host for Guest {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.attempt()?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.write(level, message);
        Ok(())
    }
}
