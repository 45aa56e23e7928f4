//! A disk: files, folders, and names that were given and taken, each on the disk for certain or only on its way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use fastrand::Rng;

use super::file::{Fate, File};
use super::record::Change;

/// What a power loss does to names that were given or taken and whose folder was not synced since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// As with a journal: any sync takes along all that was before it, and what follows is there up to some moment.
    InOrder,
    /// As POSIX has it: each is there or gone, for itself. A rename is one.
    Alone,
}

type Node = usize;

/// The project's folder, which is there from the beginning.
const ROOT: Node = 0;

/// The disk.
#[derive(Default)]
pub(crate) struct Disk {
    nodes: Vec<Content>,
    /// Open and closed files by their number in the record.
    files: BTreeMap<u64, Node>,
    /// Names as the process sees them.
    seen: BTreeMap<(Node, String), Node>,
    updates: Vec<Update>,
}

enum Content {
    File(File),
    Folder,
}

/// Names that change together.
struct Update {
    names: Vec<((Node, String), Option<Node>)>,
    /// Whether a folder that it concerns was synced since.
    is_synced: bool,
    /// Whether anything at all was synced since.
    is_before_a_sync: bool,
}

impl Disk {
    /// A project's folder with `data` in it.
    pub(crate) fn new() -> Result<Self> {
        let mut disk = Self { nodes: vec![Content::Folder], ..Self::default() };
        disk.apply(&Change::Mkdir { path: "data".into() })?;
        disk.sync_names(ROOT);
        Ok(disk)
    }

    /// Does a change.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Create { file, path } => {
                let node = self.add(Content::File(File::default()));
                self.files.insert(*file, node);
                let name = self.name(path)?;
                self.update(vec![(name, Some(node))]);
            }
            Change::Mkdir { path } => {
                let node = self.add(Content::Folder);
                let name = self.name(path)?;
                self.update(vec![(name, Some(node))]);
            }
            Change::Write { file, at, bytes } => self.file(*file)?.write(*at, bytes.clone()),
            Change::Truncate { file, length } => self.file(*file)?.truncate(*length),
            Change::Sync { file, path } => match self.node(path) {
                Some(node) if matches!(self.nodes[node], Content::Folder) => self.sync_names(node),
                _ => {
                    // A folder that somebody removed meanwhile is neither, and there is nothing in it to sync.
                    if self.files.contains_key(file) {
                        self.file(*file)?.sync();
                    }
                    self.pass_a_sync();
                }
            },
            Change::Rename { from, to } => {
                let (from, to) = (self.name(from)?, self.name(to)?);
                let node =
                    *self.seen.get(&from).with_context(|| format!("{from:?} was moved and is not there"))?;
                self.update(vec![(from, None), (to, Some(node))]);
            }
            Change::Unlink { path } => {
                let name = self.name(path)?;
                self.update(vec![(name, None)]);
            }
        }
        Ok(())
    }

    /// Writes into `folder` what a power loss leaves.
    pub(crate) fn write_after_power_loss(
        &self,
        folder: &Path,
        names: Names,
        data: Fate,
        rng: &mut Rng,
    ) -> Result<()> {
        // With a journal, names are there up to some moment.
        let on_the_way = self.updates.iter().filter(|update| !update.is_before_a_sync).count();
        let mut arrived = rng.usize(0..=on_the_way);
        let mut left: BTreeMap<(Node, String), Node> = BTreeMap::new();
        for update in &self.updates {
            let keeps = match names {
                Names::Alone => update.is_synced || rng.bool(),
                Names::InOrder => {
                    update.is_before_a_sync || {
                        let is_there = arrived > 0;
                        arrived = arrived.saturating_sub(1);
                        is_there
                    }
                }
            };
            for (name, node) in update.names.iter().filter(|_| keeps) {
                match node {
                    Some(node) => left.insert(name.clone(), *node),
                    None => left.remove(name),
                };
            }
        }
        self.write_folder(ROOT, folder, &left, data, rng)
    }

    fn write_folder(
        &self,
        node: Node,
        folder: &Path,
        left: &BTreeMap<(Node, String), Node>,
        data: Fate,
        rng: &mut Rng,
    ) -> Result<()> {
        fs::create_dir_all(folder)?;
        for ((_, name), child) in left.range((node, String::new())..(node + 1, String::new())) {
            let path = folder.join(name);
            match &self.nodes[*child] {
                Content::Folder => self.write_folder(*child, &path, left, data, rng)?,
                Content::File(file) => fs::write(&path, file.after_power_loss(data, rng))?,
            }
        }
        Ok(())
    }

    fn add(&mut self, content: Content) -> Node {
        self.nodes.push(content);
        self.nodes.len() - 1
    }

    fn file(&mut self, number: u64) -> Result<&mut File> {
        let node = *self.files.get(&number).with_context(|| format!("file {number} was never made"))?;
        match &mut self.nodes[node] {
            Content::File(file) => Ok(file),
            Content::Folder => anyhow::bail!("file {number} is a folder"),
        }
    }

    /// What a path names now.
    fn node(&self, path: &Path) -> Option<Node> {
        path.iter().try_fold(ROOT, |folder, name| {
            self.seen.get(&(folder, name.to_string_lossy().into_owned())).copied()
        })
    }

    /// The folder and the name that a path ends with.
    fn name(&self, path: &Path) -> Result<(Node, String)> {
        let folder = path.parent().and_then(|folder| self.node(folder));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        folder.zip(name).with_context(|| format!("{} is in no folder", path.display()))
    }

    fn update(&mut self, names: Vec<((Node, String), Option<Node>)>) {
        for (name, node) in &names {
            match node {
                Some(node) => self.seen.insert(name.clone(), *node),
                None => self.seen.remove(name),
            };
        }
        self.updates.push(Update { names, is_synced: false, is_before_a_sync: false });
    }

    fn sync_names(&mut self, folder: Node) {
        for update in &mut self.updates {
            update.is_synced |= update.names.iter().any(|((of, _), _)| *of == folder);
        }
        self.pass_a_sync();
    }

    fn pass_a_sync(&mut self) {
        for update in self.updates.iter_mut().rev() {
            if update.is_before_a_sync {
                break;
            }
            update.is_before_a_sync = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(changes: &[Change], names: Names, seed: u64) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::new().unwrap();
        for change in changes {
            disk.apply(change).unwrap();
        }
        disk.write_after_power_loss(folder.path(), names, Fate::Dropped, &mut Rng::with_seed(seed)).unwrap();
        let entries = fs::read_dir(folder.path().join("data")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn moved() -> Vec<Change> {
        vec![
            Change::Create { file: 1, path: "data/a".into() },
            Change::Sync { file: 9, path: "data".into() },
            Change::Rename { from: "data/a".into(), to: "data/b".into() },
        ]
    }

    #[test]
    fn a_rename_is_there_or_not_but_never_half() {
        let mut found: Vec<_> = (0..20)
            .flat_map(|seed| [left(&moved(), Names::Alone, seed), left(&moved(), Names::InOrder, seed)])
            .collect();
        found.sort();
        found.dedup();
        assert_eq!(found, [["a"], ["b"]]);
    }

    #[test]
    fn only_a_journal_keeps_a_name_because_something_else_was_synced() {
        let mut changes = moved();
        changes.push(Change::Create { file: 2, path: "data/c".into() });
        changes.push(Change::Sync { file: 2, path: "data/c".into() });
        assert!((0..20).all(|seed| left(&changes, Names::InOrder, seed) == ["b", "c"]));
        assert!((0..20).any(|seed| left(&changes, Names::Alone, seed) == ["a"]));
    }
}
