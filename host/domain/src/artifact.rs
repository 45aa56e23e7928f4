//! Files that a job makes, as the store knows them.

use serde::Serialize;

use crate::{JobTypeName, TaskId, Timestamp};

/// An artifact as one save recorded it: what an attempt that resumes starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedArtifact {
    /// Plain file name.
    pub name: String,
    /// IANA media type.
    pub media_type: String,
    /// Bytes that were on disk when it was saved.
    pub bytes: u64,
    /// SHA-256 of the whole file in lower-case hexadecimal. Only a finished artifact has it.
    pub sha256: Option<String>,
}

/// An artifact and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArtifactRecord {
    /// The artifact.
    #[serde(flatten)]
    pub artifact: SavedArtifact,
    /// Number of the attempt in whose folder its bytes are until it is published.
    #[serde(skip)]
    pub attempt: u32,
}

/// A finished artifact in a list, with the task that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedArtifact {
    /// The completed task.
    pub task: TaskId,
    /// The type of the task.
    pub job_type: JobTypeName,
    /// When the task completed.
    pub finished_at: Timestamp,
    /// The artifact.
    pub artifact: SavedArtifact,
}

/// A page of artifacts, those of the newest task first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactPage {
    /// The artifacts.
    pub artifacts: Vec<ListedArtifact>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}
