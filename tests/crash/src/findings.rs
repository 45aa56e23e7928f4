//! What a verification found.

use serde_json::{Map, Value};

/// Findings that are told in words, in all and of one part; all are counted.
const TOLD_MAX: usize = 40;
const TOLD_OF_PART_MAX: usize = 5;

/// What kind of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Something acknowledged or committed is not there.
    Lost,
    /// Something is there twice.
    Duplicated,
    /// Something is there and is not what an undisturbed run makes.
    Mismatched,
    /// A file or a delivery belongs to nothing.
    Stray,
}

/// What was found, counted and told.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    lost: u64,
    duplicated: u64,
    mismatched: u64,
    stray_files: u64,
    told: Vec<String>,
}

impl Findings {
    pub(crate) fn add(&mut self, harm: Harm, what: impl Into<String>) {
        match harm {
            Harm::Lost => self.lost += 1,
            Harm::Duplicated => self.duplicated += 1,
            Harm::Mismatched => self.mismatched += 1,
            Harm::Stray => self.stray_files += 1,
        }
        if self.told.len() < TOLD_MAX {
            self.told.push(format!("{harm:?}: {}", what.into()));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total() == 0
    }

    pub(crate) fn total(&self) -> u64 {
        self.lost + self.duplicated + self.mismatched + self.stray_files
    }

    /// Takes over the findings of a part, each with the part's name before it.
    pub(crate) fn absorb(&mut self, part: &str, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.mismatched += other.mismatched;
        self.stray_files += other.stray_files;
        let room = TOLD_MAX.saturating_sub(self.told.len()).min(TOLD_OF_PART_MAX);
        self.told.extend(other.told.into_iter().take(room).map(|told| format!("{part}: {told}")));
    }

    /// Writes the counts and the words into a report.
    pub(crate) fn report(&self, report: &mut Map<String, Value>) {
        report.insert("lost".into(), self.lost.into());
        report.insert("duplicated".into(), self.duplicated.into());
        report.insert("mismatched".into(), self.mismatched.into());
        report.insert("stray_files".into(), self.stray_files.into());
        report.insert("findings".into(), self.told.clone().into());
    }
}
