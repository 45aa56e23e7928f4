//! What a checkup finds.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is left over, or the host will fix it by itself.
    Note,
    /// Someone should look.
    Warning,
    /// Something is lost or broken.
    Error,
}

impl Severity {
    /// The word for it: `note`, `warning` or `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Lists the kinds of findings once, each with its name for programs and its severity.
macro_rules! codes {
    ($($(#[$doc:meta])+ $code:ident = $name:literal, $severity:ident;)+) => {
        /// What kind of finding it is. The names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $($(#[$doc])+ $code,)+
        }

        impl FindingCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// Its name for programs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name,)+ }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// There is no database yet.
    DatabaseMissing = "database_missing", Note;
    /// There is no database, but something that only one can have left.
    DatabaseLost = "database_lost", Error;
    /// The database holds nothing yet.
    DatabaseEmpty = "database_empty", Note;
    /// The database cannot be opened or read.
    DatabaseUnreadable = "database_unreadable", Error;
    /// The database can be read, and nothing can be written.
    DatabaseUnwritable = "database_unwritable", Error;
    /// Another program holds the database.
    DatabaseBusy = "database_busy", Warning;
    /// The database is not the one that the log beside it belongs to.
    DatabaseReplaced = "database_replaced", Error;
    /// The file belongs to another program.
    DatabaseForeign = "database_foreign", Error;
    /// A newer version made the database.
    DatabaseTooNew = "database_too_new", Error;
    /// An older version made the database.
    DatabaseOutdated = "database_outdated", Note;
    /// SQLite finds the database damaged.
    DatabaseCorrupt = "database_corrupt", Error;
    /// A table or an index is missing.
    SchemaIncomplete = "schema_incomplete", Error;
    /// The database has something that no version of ours put there.
    SchemaForeign = "schema_foreign", Warning;
    /// Rows belong to rows that are not there.
    RowWithoutParent = "row_without_parent", Error;
    /// A task is in no state.
    TaskNowhere = "task_nowhere", Error;
    /// A task is in several states at once.
    TaskInSeveralPlaces = "task_in_several_places", Error;
    /// A row says that a task is in some state, but there is no such task.
    RowWithoutTask = "row_without_task", Error;
    /// A row repeats what its task says, but differs.
    RowDiffers = "row_differs", Error;
    /// A queued task is not at the rank of its task.
    RankDiffers = "rank_differs", Error;
    /// The number that the next attempt will get was used before.
    AttemptNumberUsed = "attempt_number_used", Error;
    /// An attempt lost its lease and nobody has taken over yet.
    LeaseExpired = "lease_expired", Note;
    /// A lease ends so late that nobody would take over in time.
    LeaseFarAhead = "lease_far_ahead", Warning;
    /// Something waits for a time that a clock gave which was ahead.
    ClockAhead = "clock_ahead", Warning;
    /// The state that a task saved is not what it was.
    CheckpointCorrupt = "checkpoint_corrupt", Error;
    /// A completed task still has a checkpoint.
    CheckpointLeft = "checkpoint_left", Note;
    /// A task is to be published that did not complete.
    UnpublishedUnfinished = "unpublished_unfinished", Warning;
    /// A message is pending, but nothing will ever send it.
    MessageNotQueued = "message_not_queued", Error;
    /// A message is queued that is not pending, or for another channel than its own.
    DeliveryDiffers = "delivery_differs", Error;
    /// Messages were given up.
    DeadMessages = "dead_messages", Warning;
    /// Much of the database is pages that hold nothing.
    FreePages = "free_pages", Note;
    /// There are copies of the database that a restore or an upgrade kept.
    CopiesKept = "copies_kept", Note;
    /// The write-ahead log is huge.
    LogHuge = "log_huge", Warning;
    /// The disk is nearly full.
    DiskLow = "disk_low", Warning;
    /// Whoever runs the checkup cannot write where the host has to.
    ReadOnly = "read_only", Warning;
    /// A finished artifact is not there.
    ArtifactMissing = "artifact_missing", Error;
    /// A finished artifact is not what was recorded.
    ArtifactCorrupt = "artifact_corrupt", Error;
    /// A file that a task needs to go on from its last save is not there.
    SavedFileMissing = "saved_file_missing", Error;
    /// A file that a task needs to go on from its last save is shorter than it was.
    SavedFileCorrupt = "saved_file_corrupt", Error;
    /// A file that a task needs to go on from its last save is in another place than it should be.
    SavedFileElsewhere = "saved_file_elsewhere", Note;
    /// The artifacts of a completed task are not in their final place yet.
    ArtifactsUnpublished = "artifacts_unpublished", Note;
    /// Artifacts are in their final place, but their task has not completed.
    PublishedTooEarly = "published_too_early", Warning;
    /// Files of a task that the database does not know.
    StrayFiles = "stray_files", Note;
    /// None of the files belong to a task of this database.
    OtherDatabase = "other_database", Warning;
    /// Work files that nothing needs any more.
    WorkLeft = "work_left", Note;
    /// Files of forgotten tasks that are still to be deleted.
    PrunedFiles = "pruned_files", Note;
    /// A file that is not ours is among those that are.
    UnknownFile = "unknown_file", Note;
    /// An earlier fix set files aside.
    SetAside = "set_aside", Note;
    /// Files cannot be looked at.
    FilesUnreadable = "files_unreadable", Error;
    /// A check could not be made.
    CheckFailed = "check_failed", Warning;
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FindingCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that a checkup found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is; follows from the code.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: FindingCode,
    /// What it is about: a task, a file, a table.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What a fix would do, or what the operator should do.
    pub fix: String,
    /// Whether [`Checkup::fix`](super::Checkup::fix) does it.
    pub fixable: bool,
}

impl Finding {
    /// A finding that is left to the operator.
    pub(super) fn new(
        code: FindingCode,
        subject: impl fmt::Display,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            severity: code.severity(),
            code,
            subject: subject.to_string(),
            message: message.into(),
            fix: fix.into(),
            fixable: false,
        }
    }

    /// The same, but a fix does it.
    pub(super) fn fixable(self) -> Self {
        Self { fixable: true, ..self }
    }
}

/// What a checkup found, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings; of each code those that were found first, [`LISTED_MAX`](super::LISTED_MAX) at most.
    pub findings: Vec<Finding>,
    /// How many more there are of codes that have more.
    pub left_out: BTreeMap<FindingCode, u64>,
}

impl Report {
    /// How bad the worst finding is; none when all is well.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Whether a fix would do something.
    pub fn is_fixable(&self) -> bool {
        self.findings.iter().any(|finding| finding.fixable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_in_snake_case() {
        let names: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), FindingCode::ALL.len());
        for name in names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        }
    }
}
