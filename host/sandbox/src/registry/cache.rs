//! What was found out about components, their compiled code with it, on disk: so a start does not compile and runs no guest,
//! and a component that cannot be served costs nothing a second time.
//!
//! Compiled code is run as it is, so a cache that somebody else can write to would be a way in. The folder is made
//! with mode 0700, folder and files are refused when another user owns them or can write to them, and each file
//! carries a digest of its content, for wasmtime accepts code with a flipped bit.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::registry::examine::Finding;
use crate::registry::making::{self, Lane, Turn};

const MAGIC: &[u8; 8] = b"LSCODE2\n";
/// To be raised with what a component must be or may take, so that what was found out before does not count any more.
const RULES: u32 = 1;
const DIGEST_BYTES: usize = 32;
const SUFFIX: &str = "code";

/// Names that are tried for a folder.
const NAMES_MAX: u32 = 1_000;

/// Entries and bytes that are kept; the ones unused for longest go first.
const ENTRIES_MAX: usize = 400;
const BYTES_MAX: u64 = 1 << 30;

/// The cache.
pub(crate) struct Cache {
    dir: PathBuf,
    /// Stands for everything that shapes compiled code: wasmtime's version and settings, the machine, ours.
    kind: String,
}

impl Cache {
    /// Opens the cache in `dir`, which is made if it is missing.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        only_ours(&fs::metadata(dir)?)?;
        making::sweep(&dir.join("making"));
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        (env!("CARGO_PKG_VERSION"), RULES).hash(&mut hasher);
        Ok(Self { dir: dir.to_owned(), kind: format!("{:016x}", hasher.finish()) })
    }

    /// The entry of the component with that digest. One that is damaged is as good as none.
    pub(super) fn get(&self, sha: &str) -> Option<Finding> {
        let path = self.path(sha);
        match read(&path) {
            Ok(found) => {
                // Used now, so not to be deleted soon. It matters little when that fails.
                let _ = touch(&path);
                Some(found)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("{} is not used, the component is compiled again: {error}", path.display());
                None
            }
        }
    }

    /// Keeps what was found out. A cache that cannot be written to is no reason to fail.
    pub(super) fn put(&self, sha: &str, found: &Finding) {
        if let Err(error) = self.write(sha, found).and_then(|()| self.prune()) {
            tracing::warn!("compiled code was not cached in {}: {error}", self.dir.display());
        }
    }

    /// Waits for the turn to examine the component with that digest.
    pub(super) async fn turn(&self, sha: &str, lane: Lane) -> io::Result<Turn> {
        Turn::wait(&self.making(), &format!("{sha}-{}", self.kind), lane).await
    }

    fn making(&self) -> PathBuf {
        self.dir.join("making")
    }

    fn path(&self, sha: &str) -> PathBuf {
        self.dir.join(format!("{sha}-{}.{SUFFIX}", self.kind))
    }

    fn write(&self, sha: &str, found: &Finding) -> io::Result<()> {
        let content = found.to_bytes()?;
        let new = self.dir.join(unique("new"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let written = [MAGIC.as_slice(), &Sha256::digest(&content), &content]
            .into_iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| fs::rename(&new, self.path(sha)));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    /// Deletes the entries that were unused for longest, and what a killed process left. What is old is told by the newest
    /// file, which has just been written, not by the clock: one that was set ahead would take the folders of compilers that
    /// are at work.
    fn prune(&self) -> io::Result<()> {
        let (mut found, mut others) = (Vec::new(), Vec::new());
        let mut newest = SystemTime::UNIX_EPOCH;
        for file in fs::read_dir(&self.dir)? {
            let file = file?;
            let (path, Ok(metadata)) = (file.path(), file.metadata()) else { continue };
            let used = metadata.modified()?;
            newest = newest.max(used);
            if path.extension().is_some_and(|suffix| suffix == SUFFIX) {
                found.push((used, metadata.len(), path));
            } else {
                others.push((used, metadata.is_dir(), path));
            }
        }
        for (used, is_folder, path) in others {
            if newest.duration_since(used).is_ok_and(|age| age > LEFT_BEHIND) {
                let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            }
        }
        found.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut bytes = 0;
        for (index, (_, length, path)) in found.into_iter().enumerate() {
            bytes += length;
            if index >= ENTRIES_MAX || (bytes > BYTES_MAX && index > 0) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}

/// After what time nobody is at work any more on what is not finished.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

/// A folder among the temporary files of the machine, for a host without a cache. It is deleted when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A folder of this user's alone. What has the name already, which others may have put there, is not used.
    pub(crate) fn temporary() -> io::Result<Self> {
        let dir = std::env::temp_dir();
        let mut tries = 0;
        loop {
            let path = dir.join(unique("longshore-scratch"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < NAMES_MAX => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A name that no other file of this or another process has.
fn unique(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn read(path: &Path) -> io::Result<Finding> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut file = File::open(path)?;
    // Of the open file, so that it cannot be another one by the time it is read.
    let metadata = file.metadata()?;
    only_ours(&metadata)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    let damaged = || wrong("it is damaged");
    let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or_else(damaged)?;
    let (digest, content) = rest.split_at_checked(DIGEST_BYTES).ok_or_else(damaged)?;
    if Sha256::digest(content).as_slice() != digest {
        return Err(wrong("its digest does not match its content"));
    }
    let begin = bytes.len() - content.len();
    bytes.drain(..begin);
    Finding::from_bytes(bytes)
}

/// Sets when a file was last used to now.
fn touch(path: &Path) -> io::Result<()> {
    let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let now = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
    Ok(futimens(File::open(path)?, &now)?)
}

/// Refuses what another user owns or can write to.
pub(super) fn only_ours(metadata: &fs::Metadata) -> io::Result<()> {
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned()));
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    if metadata.mode() & 0o022 != 0 {
        return refused("others can write to it; it should have mode 0700 (a folder) or 0600 (a file)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;

    use super::*;
    use crate::engine::compiling_engine;

    #[test]
    fn a_clock_that_was_set_ahead_takes_no_compiler_its_folder() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::open(&place.path().join("code"), &compiling_engine().unwrap()).unwrap();
        let making = cache.dir.join("making");
        fs::create_dir(&making).unwrap();
        let entry = cache.dir.join(format!("some.{SUFFIX}"));
        fs::write(&entry, []).unwrap();
        let set = |path: &Path, time| {
            File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
        };
        // Both were made just now, by a clock that is three hours behind this one.
        let then = SystemTime::now() - 3 * LEFT_BEHIND;
        set(&making, then);
        set(&entry, then);
        cache.prune().unwrap();
        assert!(making.exists());
        set(&entry, SystemTime::now());
        cache.prune().unwrap();
        assert!(!making.exists(), "now it was left behind");
    }
}
