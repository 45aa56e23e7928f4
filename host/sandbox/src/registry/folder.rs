//! What is in the plugin folder, and when a change in it has settled.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::registry::trust;

/// How long a file must stay as it is before it is read, so that one being copied is not read half.
pub(crate) const SETTLE: Duration = Duration::from_millis(120);

/// Tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

impl FileStamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// Of the file that is at `path` now, if there is one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// State of the files of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// `None` if a policy has no component beside it.
    pub(crate) component: Option<FileStamp>,
    pub(crate) policy: Option<FileStamp>,
    pub(crate) signature: Option<FileStamp>,
}

impl Stamp {
    /// Bytes of the component.
    pub(crate) fn bytes(&self) -> u64 {
        self.component.map_or(0, |component| component.size)
    }
}

/// The configuration of a project, which is no policy where the project's own folder is that of its plugins.
const CONFIGURATION: &str = "longshore";

/// Looks at the folder: the plugins in it by the stems of their files, policies without a component among them.
pub(crate) fn look(dir: &Path) -> io::Result<BTreeMap<String, Stamp>> {
    let mut components = BTreeMap::new();
    let mut policies = BTreeMap::new();
    let mut signatures = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let (Some(stem), Some(suffix)) = (path.file_stem(), path.extension()) else { continue };
        // A name that is not UTF-8 is listed as well as it can be, and refused as every name that no job type has.
        let stem = stem.to_string_lossy();
        let kind = match suffix.to_str() {
            Some("wasm") => &mut components,
            Some("toml") => &mut policies,
            Some(trust::SIGNATURE_SUFFIX) => &mut signatures,
            _ => continue,
        };
        // Links are followed. What is there and cannot be read is there all the same: a policy that nobody can read must not
        // be taken for none.
        let metadata = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path));
        // Hidden files are those that editors and copying programs have not finished.
        if let Ok(metadata) = metadata
            && !stem.starts_with('.')
        {
            kind.insert(stem.into_owned(), FileStamp::of(&metadata));
        }
    }
    let lone = policies.keys().filter(|stem| *stem != CONFIGURATION && !components.contains_key(*stem));
    let stems: Vec<String> = components.keys().chain(lone).cloned().collect();
    let stamp = |stem: String| {
        let (component, policy) = (components.get(&stem).copied(), policies.get(&stem).copied());
        let signature = signatures.get(&format!("{stem}.wasm")).copied();
        (stem, Stamp { component, policy, signature })
    };
    Ok(stems.into_iter().map(stamp).collect())
}

/// Tells which changes have settled.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    taken: BTreeMap<String, Stamp>,
    unsettled: BTreeMap<String, (Option<Stamp>, Instant)>,
}

/// A plugin whose files have changed; without a stamp they are gone.
pub(crate) type Change = (String, Option<Stamp>);

impl Settling {
    /// Takes everything as it is, for the first look at a folder.
    pub(crate) fn take_all(&mut self, seen: &BTreeMap<String, Stamp>) -> Vec<Change> {
        self.taken = seen.clone();
        seen.iter().map(|(stem, stamp)| (stem.clone(), Some(*stamp))).collect()
    }

    /// The plugin as it was taken last.
    pub(crate) fn taken(&self, stem: &str) -> Option<Stamp> {
        self.taken.get(stem).copied()
    }

    /// Compares what is `seen` with what was taken before, and takes what has not changed for a while.
    pub(crate) fn observe(&mut self, seen: &BTreeMap<String, Stamp>, now: Instant) -> Vec<Change> {
        let stems: std::collections::BTreeSet<&String> = seen.keys().chain(self.taken.keys()).collect();
        let mut settled = Vec::new();
        for stem in stems.into_iter().cloned().collect::<Vec<_>>() {
            let stamp = seen.get(&stem).copied();
            if stamp == self.taken.get(&stem).copied() {
                self.unsettled.remove(&stem);
                continue;
            }
            match self.unsettled.get(&stem) {
                Some((before, since)) if *before == stamp => {
                    if now.duration_since(*since) >= SETTLE {
                        self.unsettled.remove(&stem);
                        match stamp {
                            Some(stamp) => self.taken.insert(stem.clone(), stamp),
                            None => self.taken.remove(&stem),
                        };
                        settled.push((stem, stamp));
                    }
                }
                _ => {
                    self.unsettled.insert(stem, (stamp, now));
                }
            }
        }
        self.unsettled.retain(|stem, _| seen.contains_key(stem) || self.taken.contains_key(stem));
        settled
    }

    /// Whether something is still changing.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(size: u64) -> Stamp {
        let component = FileStamp { size, modified: (0, 0), changed: (0, 0), inode: 1 };
        Stamp { component: Some(component), policy: None, signature: None }
    }

    fn seen(size: u64) -> BTreeMap<String, Stamp> {
        BTreeMap::from([("export".to_owned(), stamp(size))])
    }

    #[test]
    fn a_file_is_taken_once_it_has_stopped_growing() {
        let mut settling = Settling::default();
        let start = Instant::now();
        assert_eq!(settling.observe(&seen(1), start), []);
        assert!(!settling.is_settled());
        assert_eq!(settling.observe(&seen(1), start + SETTLE / 2), []);
        assert_eq!(settling.observe(&seen(2), start + SETTLE), []);
        assert_eq!(settling.observe(&seen(2), start + SETTLE * 2), [("export".to_owned(), Some(stamp(2)))]);
        assert!(settling.is_settled());
        assert_eq!(settling.observe(&seen(2), start + SETTLE * 9), []);
    }

    #[test]
    fn a_file_that_goes_and_comes_back_was_never_gone() {
        let mut settling = Settling::default();
        settling.take_all(&seen(1));
        let start = Instant::now();
        assert_eq!(settling.observe(&BTreeMap::new(), start), []);
        assert_eq!(settling.observe(&seen(1), start + SETTLE), []);
        assert!(settling.is_settled());
        assert_eq!(settling.observe(&BTreeMap::new(), start), []);
        assert_eq!(settling.observe(&BTreeMap::new(), start + SETTLE), [("export".to_owned(), None)]);
        assert!(settling.is_settled());
    }

    #[test]
    fn a_policy_alone_is_seen_and_hidden_files_are_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "export.wasm",
            "export.toml",
            "lone.toml",
            ".new.wasm",
            ".new.toml",
            "readme.txt",
            "longshore.toml",
        ];
        for name in names {
            fs::write(dir.path().join(name), name).unwrap();
        }
        fs::create_dir(dir.path().join("folder.wasm")).unwrap();
        let found = look(dir.path()).unwrap();
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            ["export", "folder", "lone"],
            "what cannot be read is told of"
        );
        assert!(found["lone"].component.is_none() && found["lone"].policy.is_some());
        assert!(found["export"].policy.is_some());
    }
}
