//! The scheduler on a real SQLite file, with jobs that follow a script and a clock that the test moves.

mod dispatch;
mod mail;
mod recovery;
mod support;
