//! Where the checks write down what they find, and tell how far they are.

use std::collections::BTreeMap;

use super::finding::{Finding, FindingCode, Report};
use super::{LISTED_MAX, Progress};
use crate::fault::{Fault, is_busy};

/// What was found so far. It stays small, however much is wrong.
pub(super) struct Notes<'a> {
    findings: Vec<Finding>,
    counts: BTreeMap<FindingCode, u64>,
    watch: &'a mut dyn FnMut(Progress),
}

impl<'a> Notes<'a> {
    pub(super) fn new(watch: &'a mut dyn FnMut(Progress)) -> Self {
        Self { findings: Vec::new(), counts: BTreeMap::new(), watch }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= LISTED_MAX {
            self.findings.push(finding);
        }
    }

    /// Tells whoever watches how far the checkup is.
    pub(super) fn tell(&mut self, stage: &'static str, done: u64) {
        (self.watch)(Progress { stage, done });
    }

    /// Runs one check. That it fails is a finding too, and no reason not to make the others.
    pub(super) fn check(&mut self, stage: &'static str, check: impl FnOnce(&mut Self) -> Result<(), Fault>) {
        self.tell(stage, 0);
        if let Err(fault) = check(self) {
            self.add(failed(stage, &fault));
        }
    }

    /// Takes back all findings of a kind.
    pub(super) fn withdraw(&mut self, code: FindingCode) {
        self.counts.remove(&code);
        self.findings.retain(|finding| finding.code != code);
    }

    /// Gives what was found so far and forgets it.
    pub(super) fn take_findings(&mut self) -> Vec<Finding> {
        self.counts.clear();
        std::mem::take(&mut self.findings)
    }

    pub(super) fn into_report(mut self) -> Report {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let left_out = self
            .counts
            .into_iter()
            .filter_map(|(code, count)| count.checked_sub(LISTED_MAX).map(|more| (code, more)))
            .filter(|(_, more)| *more > 0)
            .collect();
        Report { findings: self.findings, left_out }
    }
}

/// What a failed check tells about the database.
pub(super) fn failed(stage: &str, fault: &Fault) -> Finding {
    use rusqlite::ErrorCode;

    let Fault::Sql(error) = fault else {
        return Finding::new(
            FindingCode::CheckFailed,
            stage,
            format!("This check could not be made: {fault}."),
            "Run the checkup again; if it fails again, report it.",
        );
    };
    if is_busy(error) {
        return busy(stage, error);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Finding::new(
            FindingCode::DatabaseCorrupt,
            stage,
            format!("SQLite cannot read this part of the database: {error}."),
            super::database::RESTORE,
        ),
        Some(ErrorCode::SystemIoFailure) => Finding::new(
            FindingCode::DatabaseUnreadable,
            stage,
            format!("The disk does not give this part of the database: {error}."),
            "Look into the system's log for errors of the disk, and copy the folder to another one.",
        ),
        _ => Finding::new(
            FindingCode::CheckFailed,
            stage,
            format!("This check could not be made: {error}."),
            "Run the checkup again; if it fails again, report it.",
        ),
    }
}

/// Another program was in the way for too long.
pub(super) fn busy(subject: &str, error: &rusqlite::Error) -> Finding {
    Finding::new(
        FindingCode::DatabaseBusy,
        subject,
        format!("Another program holds the database: {error}."),
        "Find the program that has the file open (fuser, lsof), end it if it is not Longshore, and run the checkup again.",
    )
}
