//! How a store is opened.

use std::time::Duration;

/// What a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// The disk: an acknowledged write survives a power loss.
    #[default]
    Full,
    /// The operating system: an acknowledged write survives the end of the process, but not always a power loss.
    Normal,
    /// As `Normal`, and a power loss may damage the file. For benchmarks.
    Off,
}

impl Synchronous {
    pub(crate) const fn pragma(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// What a commit waits for.
    pub synchronous: Synchronous,
    /// How long a write waits for other processes that write, before it is refused as busy.
    pub busy_timeout: Duration,
    /// How many reads run at once.
    pub readers: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { synchronous: Synchronous::Full, busy_timeout: Duration::from_secs(10), readers: 2 }
    }
}
