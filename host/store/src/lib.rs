//! TaskStore on SQLite.
