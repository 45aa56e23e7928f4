//! Whether anything was written to a SQLite file between two looks at it.
//!
//! SQLite's own counters do not tell: the one in the file's header stands still in WAL mode, and that of
//! `PRAGMA data_version` counts for one connection only. What every writer changes are the files themselves.

use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_domain::Timestamp;
use sha2::{Digest, Sha256};

/// The database, its write-ahead log and its rollback journal. Readers write to the fourth, `-shm`.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

/// File systems keep times in steps of some milliseconds, so a second write soon after another may not show. Only
/// files that have rested for this long can be told apart from what comes later.
const REST: Duration = Duration::from_secs(2);

/// A text that is the same only as long as nothing is written. None if that cannot be promised now.
pub(crate) fn of(path: &Path, now: Timestamp) -> Option<String> {
    let mut files = String::new();
    for suffix in SUFFIXES {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::metadata(PathBuf::from(file)) {
            // Opening a database in WAL mode makes an empty log.
            Ok(metadata) if metadata.len() == 0 && !suffix.is_empty() => {}
            Ok(metadata) if has_rested(&metadata, now) => {
                let _ = write!(
                    files,
                    "{suffix} {} {} {} {}.{} {}.{};",
                    metadata.dev(),
                    metadata.ino(),
                    metadata.len(),
                    metadata.mtime(),
                    metadata.mtime_nsec(),
                    metadata.ctime(),
                    metadata.ctime_nsec()
                ); // writing to a String cannot fail
            }
            Err(error) if error.kind() == ErrorKind::NotFound && !suffix.is_empty() => {}
            _ => return None,
        }
    }
    // A digest, because where a file is stored is nothing for a job.
    Some(format!("{:x}", Sha256::digest(files)))
}

fn has_rested(metadata: &Metadata, now: Timestamp) -> bool {
    let changed = metadata.mtime().max(metadata.ctime());
    let changed = Timestamp::from_ms(changed.saturating_add(1).saturating_mul(1000));
    now >= changed.after(REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_to_any_of_the_files_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        std::fs::write(&path, "pages").unwrap();
        let later = Timestamp::from_ms((std::fs::metadata(&path).unwrap().mtime() + 3600) * 1000);
        let first = of(&path, later).expect("the file has rested");
        assert_eq!(of(&path, later).as_deref(), Some(first.as_str()));

        std::fs::write(folder.path().join("shop.db-wal"), "").unwrap();
        assert_eq!(of(&path, later).as_deref(), Some(first.as_str()), "an empty log holds nothing");
        std::fs::write(folder.path().join("shop.db-wal"), "frames").unwrap();
        let logged = of(&path, later).unwrap();
        assert_ne!(logged, first);
        std::fs::write(&path, "other pages").unwrap();
        assert_ne!(of(&path, later).unwrap(), logged);
    }

    #[test]
    fn what_was_written_a_moment_ago_or_is_not_there_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        assert_eq!(of(&path, Timestamp::from_ms(i64::MAX)), None);
        std::fs::write(&path, "pages").unwrap();
        let written = std::fs::metadata(&path).unwrap().mtime();
        assert_eq!(of(&path, Timestamp::from_ms(written * 1000 + 1_500)), None);
    }
}
