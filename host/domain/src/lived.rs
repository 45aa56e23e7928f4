//! Time that a project has lived through, which no clock shows.

use crate::Timestamp;

/// The time that a project has lived through.
///
/// It is that of the clock, less what passed while no process worked on the project, and less what the clock was set ahead.
/// A clock that is wrong makes nothing old so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lived {
    /// What a clock would show that went on only then.
    pub at: Timestamp,
    /// By how much the clock has stepped since somebody looked last, in milliseconds; 0 if it went as time does.
    pub step_ms: i64,
}
