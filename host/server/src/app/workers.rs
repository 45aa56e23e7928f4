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

/// Prefix of a file that is not locked yet.
const UNFINISHED: &str = ".";

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
    pub(super) fn take(&self, details: &WorkerDetails) -> io::Result<WorkerLock> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let name = details.worker.as_str();
        // Nobody must see it before it is locked.
        let unfinished = self.dir.join(format!("{UNFINISHED}{name}"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let taken = self.finish(&mut file, details, &unfinished);
        if taken.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        taken.map(|()| WorkerLock(file))
    }

    fn finish(&self, file: &mut File, details: &WorkerDetails, unfinished: &Path) -> io::Result<()> {
        file.lock()?;
        if !matches!(File::open(unfinished)?.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this file system has no locks"));
        }
        let mark = WorkerMark {
            worker: details.worker.as_str().into(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            kind: details.kind,
            slots: details.slots,
            started_at: details.started_at.clone(),
            boot: self.boot.clone(),
        };
        file.write_all(&serde_json::to_vec(&mark)?)?;
        fs::rename(unfinished, self.dir.join(details.worker.as_str()))
    }

    /// The workers that live, by their names.
    #[cfg(test)]
    pub(super) fn living(&self) -> Vec<WorkerMark> {
        let mut living: Vec<_> = self
            .paths()
            .filter_map(|path| {
                let mut file = File::open(path).ok()?;
                let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
                if held { mark(&mut file).ok() } else { None }
            })
            .collect();
        living.sort_by(|a, b| a.worker.cmp(&b.worker));
        living
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let finished =
            |entry: &fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
        entries.filter(finished).map(|entry| entry.path())
    }

    /// The worker whose file that is, if it is certainly gone.
    fn gone_by(&self, path: &Path) -> Option<WorkerId> {
        let mut file = File::open(path).ok()?;
        // Shared, so that of two who look at once both see that it is free.
        file.try_lock_shared().ok()?;
        let mark = mark(&mut file).ok()?;
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

fn mark(file: &mut File) -> io::Result<WorkerMark> {
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
        for (name, text) in [("empty", ""), ("text", "hello"), (".unfinished", "{}")] {
            fs::write(locks.dir.join(name), text).unwrap();
        }
        fs::create_dir(locks.dir.join("folder")).unwrap();
        fs::copy(locks.dir.join("a"), locks.dir.join("copy")).unwrap();
        assert!(locks.gone().is_empty());
        assert_eq!(elsewhere.gone(), [WorkerId::new("a")]);
    }
}
