//! How the processes of a project know of each other: by locks on two files beside the database.
//!
//! A lock belongs to the open file and ends with the last process that has it open, however that ends, so none is ever
//! stale. `NAME.working` is shared by the processes that will go on working for a while; `NAME.behind` belongs to the one
//! worker that stays behind. Whoever is about to end lets go of the first before it asks who else works, and the worker
//! that stays behind looks once more after it has let go of the second: of two processes that end at once, one sees the
//! other's jobs.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// Others take a lock for a moment to see whether it is free. Only who holds it for longer has it.
const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(3);

/// Bytes that are read of a lock file.
const MARK_BYTES_MAX: u64 = 4096;

/// The lock files of a project, seen by a process.
#[derive(Clone, Debug)]
pub(super) struct Presence {
    working: PathBuf,
    behind: PathBuf,
    /// Stands for the version and the configuration of this process.
    kind: u64,
}

/// What the worker that stays behind says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its process.
    pub(super) pid: u32,
    /// Its version.
    pub(super) version: String,
    kind: u64,
}

/// Held by a process that works. Dropping it lets go.
#[derive(Debug)]
pub(super) struct Working(#[expect(dead_code, reason = "the lock is in the open file")] File);

/// The place of the worker that stays behind. Dropping it gives it up, unless another process has it open, too.
#[derive(Debug)]
pub(super) struct Post {
    file: File,
    path: PathBuf,
}

impl Presence {
    pub(super) fn of(config: &Config) -> Self {
        let database = config.store.path.as_os_str();
        let beside = |end: &str| {
            let mut name = database.to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let mut hasher = DefaultHasher::new();
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        // What one process is told on its command line, or finds in its environment, is no other configuration.
        let mut shared = config.clone();
        shared.worker.concurrency = 0;
        shared.plugins.cache = PathBuf::new();
        format!("{shared:?}").hash(&mut hasher);
        Self { working: beside(".working"), behind: beside(".behind"), kind: hasher.finish() }
    }

    /// Notes that this process will go on working. It may wait for a moment.
    pub(super) fn work(&self) -> io::Result<Working> {
        let file = open(&self.working)?;
        file.lock_shared()?;
        Ok(Working(file))
    }

    /// Whether a process works that will go on working, the worker that stays behind aside. This process has let go.
    pub(super) fn has_worker(&self) -> bool {
        File::open(&self.working).is_ok_and(|file| matches!(try_for_a_moment(&file), Ok(false)))
    }

    /// Takes the place of the worker that stays behind; `None` if it is taken.
    pub(super) fn take_post(&self) -> io::Result<Option<Post>> {
        let file = open(&self.behind)?;
        Ok(try_for_a_moment(&file)?.then(|| Post { file, path: self.behind.clone() }))
    }

    /// The place that was handed over as standard input, or else a free one. Children are given inputs of their own.
    pub(super) fn inherit_post(&self) -> io::Result<Option<Post>> {
        let inherited = File::from(rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?);
        if !same_file(&inherited, &self.behind).unwrap_or(false) {
            return self.take_post();
        }
        let post = Post { file: inherited, path: self.behind.clone() };
        Ok(try_for_a_moment(&post.file)?.then_some(post))
    }

    /// What the worker that stays behind says of itself; `None` if there is none.
    pub(super) fn behind(&self) -> Option<Mark> {
        let file = File::open(&self.behind).ok()?;
        is_held(&file).then(|| mark_in(file).unwrap_or_else(|_| self.mark(0)))
    }

    /// Whether a worker that stays behind does what this process would do: it has the same version and configuration.
    pub(super) fn is_left_to_another(&self) -> bool {
        self.behind().is_some_and(|mark| mark.kind == self.kind)
    }

    /// Stands for the version and the configuration of this process.
    pub(super) const fn kind(&self) -> u64 {
        self.kind
    }

    /// The mark of a worker with the version and the configuration of this process.
    pub(super) fn mark(&self, pid: u32) -> Mark {
        Mark { pid, version: env!("CARGO_PKG_VERSION").into(), kind: self.kind }
    }
}

impl Post {
    /// Says who has the place.
    pub(super) fn sign(&self, mark: &Mark) -> io::Result<()> {
        let text = serde_json::to_vec(mark)?;
        // The one that hands it over and the one that takes it may write at once, and share a position.
        self.file.write_all_at(&text, 0)?;
        self.file.set_len(text.len() as u64)
    }

    /// Whether the lock file is still the one of the project: its folder may have been deleted, or replaced.
    pub(super) fn is_of_the_project(&self) -> bool {
        same_file(&self.file, &self.path).unwrap_or(false)
    }

    /// Gives the place up.
    pub(super) fn give_up(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// Takes the place again that was given up, if nobody else has.
    pub(super) fn take_again(&self) -> io::Result<bool> {
        try_for_a_moment(&self.file)
    }

    /// The open file, for the process that is to have the place.
    pub(super) fn to_inherit(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Takes the lock. False if another open file has it for longer than a moment.
fn try_for_a_moment(file: &File) -> io::Result<bool> {
    for left in (0..TRIES).rev() {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if left > 0 => thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether another open file has the lock to itself. Shared, so that of two who look at once both see that it is free.
fn is_held(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            false
        }
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}

fn mark_in(file: File) -> io::Result<Mark> {
    let mut text = Vec::new();
    file.take(MARK_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    let (file, path) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((file.dev(), file.ino()) == (path.dev(), path.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(folder: &Path) -> Presence {
        let place = |name: &str| folder.join(name);
        Presence { working: place("db.working"), behind: place("db.behind"), kind: 7 }
    }

    #[test]
    fn one_has_the_place_until_it_and_its_heirs_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let presence = presence(folder.path());
        assert!(presence.behind().is_none());
        let post = presence.take_post().unwrap().unwrap();
        post.sign(&presence.mark(42)).unwrap();
        assert!(presence.take_post().unwrap().is_none());
        assert_eq!(presence.behind().unwrap().pid, 42);
        assert!(presence.is_left_to_another());
        assert!(!Presence { kind: 8, ..presence.clone() }.is_left_to_another(), "another configuration");
        let heir = post.to_inherit().unwrap();
        drop(post);
        assert!(presence.take_post().unwrap().is_none(), "who inherited it has it");
        drop(heir);
        assert!(presence.behind().is_none());
        assert!(presence.take_post().unwrap().is_some());
    }

    #[test]
    fn a_place_that_was_given_up_can_be_taken_again_unless_another_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let presence = presence(folder.path());
        let post = presence.take_post().unwrap().unwrap();
        post.give_up().unwrap();
        assert!(post.take_again().unwrap());
        post.give_up().unwrap();
        let other = presence.take_post().unwrap();
        assert!(other.is_some() && !post.take_again().unwrap());
    }

    #[test]
    fn those_who_work_are_seen_and_do_not_keep_each_other_away() {
        let folder = tempfile::tempdir().unwrap();
        let presence = presence(folder.path());
        assert!(!presence.has_worker());
        let both = (presence.work().unwrap(), presence.work().unwrap());
        assert!(presence.has_worker());
        drop(both);
        assert!(!presence.has_worker());
    }

    #[test]
    fn a_project_that_is_deleted_or_replaced_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let presence = presence(folder.path());
        let post = presence.take_post().unwrap().unwrap();
        assert!(post.is_of_the_project());
        std::fs::remove_file(&presence.behind).unwrap();
        assert!(!post.is_of_the_project());
        let successor = presence.take_post().unwrap().unwrap();
        assert!(successor.is_of_the_project() && !post.is_of_the_project());
    }
}
