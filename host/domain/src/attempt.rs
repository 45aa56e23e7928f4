//! One execution of a task.

use serde::Serialize;

use crate::{ComponentSha, Failure, TaskId, Timestamp, WorkerId};

/// Names an attempt. Every write of an attempt carries it, and counts only while that attempt holds the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptRef {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt, from 1.
    pub number: u32,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well, with this result (JSON text).
    Completed {
        /// The result, JSON text.
        result: String,
    },
    /// Badly.
    Failed(Failure),
    /// By a cancel, or given back; by its own doing.
    Cancelled,
    /// As [`Cancelled`](Self::Cancelled), but not by its own doing, which this says.
    Interrupted(String),
}

/// What an attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Units of fuel.
    pub fuel: u64,
    /// Peak of all linear memories together.
    pub memory_bytes: u64,
}

/// An attempt that ended, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// Its number, from 1.
    pub number: u32,
    /// The process that ran it.
    pub worker: WorkerId,
    /// The component that ran it.
    pub component: ComponentSha,
    /// When it was claimed.
    pub started_at: Timestamp,
    /// When it ended; none while it runs.
    pub ended_at: Option<Timestamp>,
    /// `completed`, `cancelled`, `released` or the code of its failure; none while it runs.
    pub outcome: Option<String>,
    /// What its failure said, or that it was interrupted.
    pub message: Option<String>,
    /// More for the operator, such as a wasm backtrace.
    pub detail: Option<String>,
    /// What it used.
    #[serde(flatten)]
    pub usage: Usage,
    /// How many saves it made itself. Those of a task are the sum of those of its attempts; the end of a completed one makes
    /// its effects real without a save.
    pub saves: u32,
}

/// How serious a line of a task's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For the author of the job.
    Debug,
    /// What happened.
    Info,
    /// Something is off.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// All levels, least serious first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The stable name, as stored and as shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// A line of a task's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Number of the attempt that wrote it.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// How serious.
    pub level: LogLevel,
    /// What.
    pub message: String,
}
