//! Who keeps the write-ahead log from beginning anew: processes that read an old state of the database and do not end.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::generation::real;
use crate::identity::beside;

/// From this length on the log is longer than it should ever be: it is cut to 32 MiB whenever it begins anew.
pub(crate) const LOG_BYTES_MAX: u64 = 256 << 20;

/// Bytes of the memory that processes share which SQLite locks while it reads.
const READS: std::ops::RangeInclusive<u64> = 123..=127;

/// Those who read for a moment only are gone after this.
const A_MOMENT: Duration = Duration::from_millis(20);
const LOOKS: u32 = 3;

/// Other processes that read the database at `path` for more than a moment, with the names of their programs. Empty where the
/// system does not show locks.
pub(crate) fn readers(path: &Path) -> Vec<String> {
    let Ok(shared) = fs::metadata(beside(&real(path), "-shm")) else { return Vec::new() };
    let look =
        || fs::read_to_string("/proc/locks").map(|locks| pids(&locks, shared.ino())).unwrap_or_default();
    let own = std::process::id();
    for _ in 0..LOOKS {
        let first = look();
        thread::sleep(A_MOMENT);
        // The system may leave some out while locks come and go.
        let those = &first & &look();
        if those.iter().any(|pid| *pid != own) {
            return those.into_iter().filter(|pid| *pid != own).map(named).collect();
        }
    }
    Vec::new()
}

fn named(pid: u32) -> String {
    let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("process {pid} ({})", program.trim())
}

/// The holders of locks for reading on the file with that inode.
fn pids(locks: &str, inode: u64) -> BTreeSet<u32> {
    let holder = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "READ", pid, file, begin, _] = words[..] else { return None };
        let is_it = file.rsplit(':').next()?.parse() == Ok(inode) && READS.contains(&begin.parse().ok()?);
        pid.parse().ok().filter(|_| is_it)
    };
    locks.lines().filter_map(holder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_read_the_database_are_named() {
        let locks = "1: POSIX  ADVISORY  READ 11 08:01:77 123 123\n\
                     2: POSIX  ADVISORY  READ 12 08:01:77 128 128\n\
                     3: POSIX  ADVISORY  WRITE 13 08:01:77 120 120\n\
                     4: FLOCK  ADVISORY  WRITE 14 08:01:77 0 EOF\n\
                     4: -> POSIX  ADVISORY  READ 15 08:01:77 124 124\n\
                     5: POSIX  ADVISORY  READ 16 08:01:78 124 124\n\
                     6: POSIX  ADVISORY  READ 17 08:01:77 127 127\n";
        assert_eq!(pids(locks, 77), BTreeSet::from([11, 17]));
    }

    #[test]
    fn a_process_that_reads_for_long_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        crate::fill_history(&path, 3).unwrap();
        // A read of this process is none of another one.
        let reader = rusqlite::Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM tasks").unwrap();
        assert_eq!(readers(&path), Vec::<String>::new());
    }
}
