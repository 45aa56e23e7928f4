//! The wall clock. Nothing else in the host reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use longshore_domain::{Clock, Timestamp};

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_ms(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => since(after),
            Err(before) => -since(before.duration()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_the_year_2025() {
        assert!(SystemClock.now() > Timestamp::from_ms(1_735_689_600_000));
    }
}
