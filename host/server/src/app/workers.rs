//! Which workers live, by a lock that each of them holds on a file of its own.
//!
//! A lock ends with its process, however that ends, and no sooner: one that stands still keeps it. So whoever can take the
//! lock of a worker knows that it is gone, without waiting for its leases, and without a process id, which another process
//! may have by then. Files are closed on exec, so that no child keeps the lock of its parent.
//!
//! Where locks do not exclude each other (some network file systems), or a file is of another boot or machine, nothing is
//! concluded from it, and leases decide as they always do.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use longshore_domain::{WorkerId, WorkerLiveness};
use serde::{Deserialize, Serialize};

/// Bytes that are read of a lock file.
const MARK_BYTES_MAX: u64 = 4096;

/// Others may delete a file that nobody has locked yet, and then another is made.
const TRIES: u32 = 10;

/// The lock files of a project's workers.
#[derive(Clone, Debug)]
pub(super) struct WorkerLocks {
    dir: PathBuf,
    /// Differs between machines, and between boots of one.
    boot: String,
}

/// What a worker says of itself in its lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkerMark {
    /// Its name, as attempts have it.
    pub(super) worker: String,
    /// Its process.
    pub(super) pid: u32,
    /// Its version.
    pub(super) version: String,
    /// Stands for its version and configuration: of two that differ one was started before a change.
    pub(super) kind: u64,
    /// Attempts that it runs at once, at most.
    pub(super) slots: u32,
    /// When it started, RFC 3339.
    pub(super) started_at: String,
    boot: String,
}

/// What a worker says of itself but for where it runs.
#[derive(Clone, Debug)]
pub(super) struct WorkerDetails {
    pub(super) worker: WorkerId,
    pub(super) kind: u64,
    pub(super) slots: u32,
    pub(super) started_at: String,
}

/// The lock of this process. Dropping it tells the others that it is gone.
#[derive(Debug)]
pub(super) struct WorkerLock(#[expect(dead_code, reason = "the lock is in the open file")] File);

impl WorkerLocks {
    /// Those of the project with this database.
    pub(super) fn beside(database: &Path) -> Self {
        let mut dir = database.as_os_str().to_owned();
        dir.push(".workers");
        // Only Linux has it. Elsewhere a network file system is expected to lock as it should.
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { dir: dir.into(), boot: boot.trim().into() }
    }

    /// Takes the lock of a worker, before it claims anything.
    ///
    /// What a file says counts only once it was written, which is done under the lock.
    pub(super) fn take(&self, details: &WorkerDetails) -> io::Result<WorkerLock> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let path = self.dir.join(details.worker.as_str());
        for _ in 0..TRIES {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            file.lock()?;
            let Ok(other) = File::open(&path) else { continue };
            if !matches!(other.try_lock_shared(), Err(TryLockError::WouldBlock)) {
                let _ = fs::remove_file(&path);
                return Err(io::Error::new(io::ErrorKind::Unsupported, "this file system has no locks"));
            }
            file.write_all(&serde_json::to_vec(&self.mark(details))?)?;
            return Ok(WorkerLock(file));
        }
        Err(io::Error::other("others delete it"))
    }

    fn mark(&self, details: &WorkerDetails) -> WorkerMark {
        WorkerMark {
            worker: details.worker.as_str().into(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            kind: details.kind,
            slots: details.slots,
            started_at: details.started_at.clone(),
            boot: self.boot.clone(),
        }
    }

    /// The workers that live, by their names.
    pub(super) fn living(&self) -> Vec<WorkerMark> {
        let mut living: Vec<_> = self
            .paths()
            .filter_map(|path| {
                let mut file = File::open(path).ok()?;
                let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
                if held { read_mark(&mut file).ok() } else { None }
            })
            .collect();
        living.sort_by(|a, b| a.worker.cmp(&b.worker));
        living
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// The worker whose file that is, if it is certainly gone. A file that says nothing is that of a process that ended
    /// before it could, and is deleted.
    fn gone_by(&self, path: &Path) -> Option<WorkerId> {
        let mut file =
            File::open(path).ok().filter(|file| file.metadata().is_ok_and(|about| about.is_file()))?;
        // Shared, so that of two who look at once both see that it is free.
        file.try_lock_shared().ok()?;
        let Ok(mark) = read_mark(&mut file) else {
            let _ = fs::remove_file(path);
            return None;
        };
        let is_its_own = path.file_name().is_some_and(|name| name == mark.worker.as_str());
        (is_its_own && mark.boot == self.boot).then(|| WorkerId::new(mark.worker))
    }
}

impl WorkerLiveness for WorkerLocks {
    fn gone(&self) -> Vec<WorkerId> {
        self.paths().filter_map(|path| self.gone_by(&path)).collect()
    }

    fn forget(&self, worker: &WorkerId) {
        // Another process may have been faster.
        let _ = fs::remove_file(self.dir.join(worker.as_str()));
    }
}

fn read_mark(file: &mut File) -> io::Result<WorkerMark> {
    let mut text = Vec::new();
    file.take(MARK_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: &str) -> WorkerDetails {
        let started_at = "2026-01-01T00:00:00Z".to_owned();
        WorkerDetails { worker: WorkerId::new(name), kind: 7, slots: 4, started_at }
    }

    fn locks(folder: &Path) -> WorkerLocks {
        WorkerLocks::beside(&folder.join("longshore.db"))
    }

    #[test]
    fn a_worker_is_gone_once_its_lock_is() {
        let folder = tempfile::tempdir().unwrap();
        let locks = locks(folder.path());
        assert!(locks.gone().is_empty() && locks.living().is_empty());
        let (a, b) = (locks.take(&details("a")).unwrap(), locks.take(&details("b")).unwrap());
        assert!(locks.gone().is_empty());
        let living: Vec<_> = locks.living().into_iter().map(|mark| (mark.worker, mark.slots)).collect();
        assert_eq!(living, [("a".to_owned(), 4), ("b".to_owned(), 4)]);
        drop(a);
        assert_eq!(locks.gone(), [WorkerId::new("a")]);
        assert_eq!(locks.gone(), [WorkerId::new("a")], "until it is forgotten");
        locks.forget(&WorkerId::new("a"));
        locks.forget(&WorkerId::new("a"));
        assert!(locks.gone().is_empty());
        drop(b);
        assert_eq!(locks.gone(), [WorkerId::new("b")]);
    }

    /// Somebody may look between the making of the file and its lock.
    #[test]
    fn a_file_that_is_deleted_before_it_is_locked_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let locks = locks(folder.path());
        fs::create_dir(&locks.dir).unwrap();
        fs::write(locks.dir.join("a"), "").unwrap();
        assert!(locks.gone().is_empty());
        assert!(!locks.dir.join("a").exists());
        let lock = locks.take(&details("a")).unwrap();
        assert_eq!(locks.living().len(), 1);
        drop(lock);
        assert_eq!(locks.gone(), [WorkerId::new("a")]);
    }

    #[test]
    fn two_who_look_at_once_both_see_it() {
        let folder = tempfile::tempdir().unwrap();
        let locks = locks(folder.path());
        drop(locks.take(&details("a")).unwrap());
        let other = File::open(folder.path().join("longshore.db.workers/a")).unwrap();
        other.lock_shared().unwrap();
        assert_eq!(locks.gone(), [WorkerId::new("a")]);
    }

    #[test]
    fn nothing_is_concluded_from_another_boot_or_a_strange_file() {
        let folder = tempfile::tempdir().unwrap();
        let locks = locks(folder.path());
        let elsewhere = WorkerLocks { boot: "another".into(), ..locks.clone() };
        drop(elsewhere.take(&details("a")).unwrap());
        for (name, text) in [("empty", ""), ("text", "hello"), ("half", r#"{"worker":"ha"#)] {
            fs::write(locks.dir.join(name), text).unwrap();
        }
        fs::create_dir(locks.dir.join("folder")).unwrap();
        fs::copy(locks.dir.join("a"), locks.dir.join("copy")).unwrap();
        assert!(locks.gone().is_empty());
        assert_eq!(elsewhere.gone(), [WorkerId::new("a")]);
        let mut left: Vec<_> = locks.paths().map(|path| path.file_name().unwrap().to_owned()).collect();
        left.sort();
        assert_eq!(left, ["a", "copy", "folder"], "what says nothing is deleted");
    }
}
