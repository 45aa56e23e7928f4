//! What other users of the machine may do with files, as far as modes tell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Whether others may read the file, if they may reach it.
pub(super) fn may_read(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// Whether others may go into the folder, by way of all that are above it, and open files there.
pub(super) fn may_enter(folder: &Path) -> bool {
    let is_open =
        |folder: &Path| fs::metadata(folder).is_ok_and(|folder| folder.permissions().mode() & 0o001 != 0);
    fs::canonicalize(folder).is_ok_and(|folder| folder.ancestors().all(is_open))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_folder_is_entered_only_by_open_ones_above_it() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        fs::create_dir(&data).unwrap();
        let set = |folder: &Path, mode| fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
        set(place.path(), 0o755);
        set(&data, 0o755);
        assert!(may_enter(&data));
        set(&data, 0o700);
        assert!(!may_enter(&data));
        set(&data, 0o755);
        set(place.path(), 0o700);
        assert!(!may_enter(&data), "nobody comes as far as that");
    }
}
