//! The data sources.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longshore_domain::Timestamp;

use crate::data::open::{self, LogIndex};
use crate::data::revision;

/// Data sources by name.
pub(crate) struct Sources(BTreeMap<String, Arc<Source>>);

impl Sources {
    pub(crate) fn new(paths: BTreeMap<String, PathBuf>) -> Self {
        Self(paths.into_iter().map(|(name, path)| (name, Arc::new(Source { path }))).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Source>> {
        self.0.get(name)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, source)| (name, &source.path))).finish()
    }
}

/// A SQLite file.
pub(crate) struct Source {
    path: PathBuf,
}

impl Source {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the source holds, as [`revision::of`] tells it from before and after a write.
    pub(crate) fn revision(&self, now: Timestamp) -> Option<String> {
        revision::of(&self.path, now)
    }

    /// A connection of its own, to look at what the source has. The error says what to do.
    pub(crate) fn connect(&self) -> Result<rusqlite::Connection, String> {
        open::open(&self.path, LogIndex::Shared)
    }
}
