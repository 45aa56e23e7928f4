//! By what a change of a file is noticed.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How coarse the times of files may be: kernels before 6.13 stamp changes with the time of their last tick, which is 10
/// ms ago at the most.
const TICK: Duration = Duration::from_millis(20);

/// How often the age of a file is looked at that is being changed all the time.
const LOOKS_MAX: u32 = 5;

/// What changes with every change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// The stamp of a file that was left alone for long enough: any later change shows in it. `None` if it is being changed
    /// all the time.
    pub(super) fn settled(path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..LOOKS_MAX {
            let file = std::fs::metadata(path)?;
            // Compares with times of the file system, which has them from the same clock; nothing else follows from it. A time
            // that lies ahead differs from that of any change to come.
            match file.modified()?.elapsed() {
                Ok(age) if age < TICK => std::thread::sleep(TICK.saturating_sub(age)),
                Ok(_) | Err(_) => return Ok(Some(Self::of(&file))),
            }
        }
        Ok(None)
    }

    /// Whether the file at `path` is as it was. One that was put in its place is another file, which says nothing about this one.
    pub(super) fn still_holds(&self, path: &Path) -> bool {
        match std::fs::metadata(path) {
            Ok(file) => {
                let now = Self::of(&file);
                (now.device, now.inode) != (self.device, self.inode) || now == *self
            }
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_and_a_file_in_its_place_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        let stamp = Stamp::settled(&path).unwrap().unwrap();
        assert!(stamp.still_holds(&path));
        // Written again at once, the same number of bytes.
        std::fs::write(&path, "two").unwrap();
        assert!(!stamp.still_holds(&path));
        let stamp = Stamp::settled(&path).unwrap().unwrap();
        std::fs::write(folder.path().join("b"), "three").unwrap();
        std::fs::rename(folder.path().join("b"), &path).unwrap();
        assert!(stamp.still_holds(&path), "the old file is unchanged, wherever it is");
        std::fs::remove_file(&path).unwrap();
        assert!(stamp.still_holds(&path));
    }
}
