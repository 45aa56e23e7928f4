//! The room that is left on the disk, the size of the write-ahead log, and whether this user may write.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::finding::{Finding, FindingCode};
use super::notes::Notes;
use super::opening::log_of;
use crate::log_readers::{LOG_BYTES_MAX, readers};

/// A disk with less room than this, or than [`ROOM_PART`] of it, is nearly full.
const ROOM_BYTES: u64 = 1 << 30;

const ROOM_PART: u64 = 20;

/// Looks at the disk below the database and the files. Neither has to be there.
pub(super) fn examine(database: &Path, files: &Path, notes: &mut Notes<'_>) {
    notes.tell("disk", 0);
    if let Ok(log) = fs::metadata(log_of(database)).map(|metadata| metadata.len())
        && let Some(finding) = huge_log(database, log, &|| readers(database))
    {
        notes.add(finding);
    }
    if database.is_file() {
        may_write(database, notes);
    }
    copies(database, notes);
    let folder = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut devices = Vec::new();
    let folders: BTreeSet<&Path> =
        [folder, files].iter().filter_map(|folder| folder.ancestors().find(|path| path.is_dir())).collect();
    for folder in folders {
        may_write(folder, notes);
        let device = fs::metadata(folder).map(|metadata| metadata.dev()).ok();
        if device.is_some() && devices.contains(&device) {
            continue;
        }
        devices.push(device);
        if let Ok(disk) = statvfs(folder)
            && let Some(finding) = little_room(
                folder,
                disk.f_bavail.saturating_mul(disk.f_frsize),
                disk.f_blocks.saturating_mul(disk.f_frsize),
            )
        {
            notes.add(finding);
        }
    }
}

/// Copies that a restore or an upgrade kept, which nobody else deletes.
fn copies(database: &Path, notes: &mut Notes<'_>) {
    let (Some(folder), Some(name)) = (database.parent(), database.file_name().and_then(|name| name.to_str()))
    else {
        return;
    };
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|other| {
            let rest = other.strip_prefix(name).unwrap_or_default();
            rest.starts_with(".replaced-") || rest.starts_with(".schema-")
        })
        .collect();
    names.sort();
    if !names.is_empty() {
        notes.add(Finding::new(
            FindingCode::CopiesKept,
            folder.display(),
            format!("A restore or an upgrade kept what the database was before: {}.", names.join(", ")),
            "Delete them once nobody wants to go back.",
        ));
    }
}

fn may_write(path: &Path, notes: &mut Notes<'_>) {
    if let Err(error) = access(path, Access::WRITE_OK) {
        notes.add(Finding::new(
            FindingCode::ReadOnly,
            path.display(),
            format!("This user cannot write it: {error}."),
            "Run the checkup and the host as the user that owns the folder, or fix its permissions.",
        ));
    }
}

fn huge_log(database: &Path, bytes: u64, readers: &dyn Fn() -> Vec<String>) -> Option<Finding> {
    (bytes > LOG_BYTES_MAX).then(|| {
        let readers = readers();
        let fix = if readers.is_empty() {
            "A program reads the database without an end, or the disk refuses writes: find who has the file open \
             (fuser, lsof) and end what is not Longshore. The log shrinks by itself after that."
                .to_owned()
        } else {
            format!("End {}, which reads the database without an end. The log shrinks by itself after that.", readers.join(", "))
        };
        Finding::new(
            FindingCode::LogHuge,
            log_of(database).display(),
            format!("The write-ahead log has {} MiB; reads and the next start become slow.", bytes >> 20),
            fix,
        )
    })
}

fn little_room(folder: &Path, free: u64, total: u64) -> Option<Finding> {
    // Some file systems do not tell how large they are.
    let is_low = total > 0 && (free < ROOM_BYTES || free < total / ROOM_PART);
    is_low.then(|| {
        Finding::new(
            FindingCode::DiskLow,
            folder.display(),
            format!(
                "The disk has {} MiB of {} MiB left; once it is full jobs wait for room, for an hour.",
                free >> 20,
                total >> 20
            ),
            "Make room. A shorter `ttl_ms` in policies lets jobs be forgotten sooner that are submitted from then on.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_disk_is_low_below_a_gibibyte_or_a_twentieth() {
        let low = |free, total| little_room(Path::new("/data"), free, total).is_some();
        assert!(low(GIB - 1, 10 * GIB));
        assert!(!low(GIB, 10 * GIB));
        assert!(low(49 * GIB, 1_000 * GIB));
        assert!(!low(50 * GIB, 1_000 * GIB));
        assert!(!low(0, 0), "this file system does not tell");
    }

    #[test]
    fn a_log_is_huge_from_256_mebibytes() {
        let huge = |mebibytes: u64, readers: &[&str]| {
            let readers: Vec<String> = readers.iter().map(|&reader| reader.into()).collect();
            huge_log(Path::new("tasks.db"), mebibytes << 20, &|| readers.clone())
        };
        assert!(huge(256, &["process 7 (sqlite3)"]).is_none());
        assert_eq!(huge(300, &[]).unwrap().subject, "tasks.db-wal");
        assert!(huge(300, &["process 7 (sqlite3)"]).unwrap().fix.contains("End process 7 (sqlite3)"));
    }
}
