//! The folder of a project's data, which is nobody else's.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes a folder, and those above it that are not there, for this user alone: what jobs keep is for nobody else to read,
/// whatever the umask says. A folder that is there stays as it is, because its owner may have opened it on purpose.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_made_is_private_and_what_is_there_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let mode = |path: &str| fs::metadata(place.path().join(path)).unwrap().permissions().mode() & 0o777;
        create_private_folder(&place.path().join("a/b")).unwrap();
        assert_eq!((mode("a"), mode("a/b")), (0o700, 0o700));
        fs::set_permissions(place.path().join("a"), Permissions::from_mode(0o750)).unwrap();
        create_private_folder(&place.path().join("a")).unwrap();
        create_private_folder(&place.path().join("a/c")).unwrap();
        assert_eq!((mode("a"), mode("a/c")), (0o750, 0o700));
    }
}
