//! Folders that attempts have for themselves, and that nobody needs once they are over.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

/// File that a living process holds a lock on, in its folder.
const LOCK: &str = "lock";

/// Where a process makes the folders of its attempts.
///
/// As long as one of its attempts has a folder, a process has one in `root` and holds a lock in it. A process that was killed
/// leaves its folder behind; the next one that needs one deletes it.
#[derive(Debug)]
pub(crate) struct Scratch {
    root: Option<PathBuf>,
    own: Mutex<Weak<Own>>,
}

/// The folder of this process.
#[derive(Debug)]
struct Own {
    folder: TempDir,
    _lock: File,
}

/// The folder of one attempt. It is deleted with this.
#[derive(Debug)]
pub(crate) struct ScratchFolder(Option<(PathBuf, Arc<Own>)>);

impl ScratchFolder {
    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), |(folder, _)| folder)
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // The attempt's folder first: it is within the other.
        let Some((folder, own)) = self.0.take() else { return };
        let delete = move || {
            if let Err(error) = delete(&folder) {
                tracing::warn!("the scratch folder {} stays: {error}", folder.display());
            }
            drop(own);
        };
        // Deleting takes as long as there are files. Outside a runtime nobody waits for it.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(delete)),
            Err(_) => delete(),
        }
    }
}

impl Scratch {
    /// Nothing is made before somebody needs it.
    pub(crate) fn new(root: Option<PathBuf>) -> Self {
        Self { root, own: Mutex::default() }
    }

    /// A new folder, which nobody but this user may enter.
    pub(crate) async fn folder(self: Arc<Self>) -> io::Result<ScratchFolder> {
        let made = tokio::task::spawn_blocking(move || {
            let mut known = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            let own = match known.upgrade() {
                Some(own) => own,
                None => Arc::new(self.begin()?),
            };
            *known = Arc::downgrade(&own);
            let folder = TempDir::new_in(own.folder.path())?.keep();
            Ok(ScratchFolder(Some((folder, own))))
        });
        made.await.map_err(io::Error::other)?
    }

    /// Makes the folder of this process, and deletes those of processes that are gone.
    fn begin(&self) -> io::Result<Own> {
        let root = self.root.as_deref().ok_or_else(|| io::Error::other("this host has no place for it"))?;
        fs::create_dir_all(root)?;
        for entry in fs::read_dir(root)?.flatten() {
            delete_if_left_behind(&entry.path());
        }
        let folder = TempDir::new_in(root)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Own { folder, _lock: lock })
    }
}

/// Deletes the folder of a process that is gone. One that has no lock yet is being made.
fn delete_if_left_behind(folder: &Path) {
    let gone = File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
    if gone && let Err(error) = delete(folder) {
        tracing::warn!("the scratch folder {} of a process that is gone stays: {error}", folder.display());
    }
}

/// Deletes a folder with all that is in it, however deep a guest made it: by itself the standard library calls itself for each
/// level. Folders within are moved up one by one, so that no path is long and no two levels are looked at together.
fn delete(folder: &Path) -> io::Result<()> {
    let mut moved: u64 = 0;
    let mut left = vec![folder.to_owned()];
    while let Some(inner) = left.pop() {
        for entry in fs::read_dir(&inner)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
            } else if inner == folder {
                left.push(entry.path());
            } else {
                // Whatever the guest called its own.
                let mut names = (moved..).map(|number| folder.join(number.to_string()));
                let Some(up) = names.find(|path| path.symlink_metadata().is_err()) else { break };
                moved += 1;
                fs::rename(entry.path(), &up)?;
                left.push(up);
            }
        }
        if inner != folder {
            fs::remove_dir(&inner)?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_killed_process_left_is_deleted_and_what_a_living_one_has_is_not() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join("left");
        fs::create_dir_all(left.join("of/an/attempt")).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        let living = Arc::new(Scratch::new(Some(root.path().to_owned())));
        let folder = Arc::clone(&living).folder().await.unwrap();
        assert!(!left.exists());
        fs::write(folder.path().join("file"), "x").unwrap();
        let other = Arc::new(Scratch::new(Some(root.path().to_owned())));
        let others = other.folder().await.unwrap();
        assert!(folder.path().join("file").exists() && others.path() != folder.path());
    }

    #[test]
    fn a_folder_may_be_deeper_than_any_path_is_long() {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().join("top");
        fs::create_dir(&top).unwrap();
        // Each level is put around the one before: from the outside no path could name the last.
        for level in 0..3_000 {
            let (inner, outer) = (root.path().join("inner"), root.path().join("outer"));
            fs::create_dir(&outer).unwrap();
            fs::write(outer.join("file"), "x").unwrap();
            if level > 0 {
                fs::rename(&inner, outer.join("d")).unwrap();
            }
            fs::rename(&outer, &inner).unwrap();
        }
        fs::rename(root.path().join("inner"), top.join("d")).unwrap();
        delete(&top).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
