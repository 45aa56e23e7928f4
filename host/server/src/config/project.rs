//! Finds the project folder: the one with `longshore.toml` in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Name of the configuration file.
pub const FILE_NAME: &str = "longshore.toml";

/// There is no project where one was looked for, or nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProject {
    /// The folder that was named is none.
    #[error("{} is no Longshore project: it has no {FILE_NAME}", .0.display())]
    Named(PathBuf),
    /// Neither the working directory nor any folder above it is one.
    #[error("there is no {FILE_NAME} in {} or any folder above it", .0.display())]
    Above(PathBuf),
    /// The folder cannot be looked into, so there may be one.
    #[error("cannot look for {FILE_NAME} in {}: {}", folder.display(), why)]
    Hidden {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// The project folder: `named` if given, else the nearest folder with a `longshore.toml`, from `start` upward.
pub fn find_project(named: Option<&Path>, start: &Path) -> Result<PathBuf, NoProject> {
    match named {
        Some(folder) if is_project(folder)? => Ok(folder.to_owned()),
        Some(folder) => Err(NoProject::Named(folder.to_owned())),
        None => {
            for folder in start.ancestors() {
                if is_project(folder)? {
                    return Ok(folder.to_owned());
                }
            }
            Err(NoProject::Above(start.to_owned()))
        }
    }
}

/// Whether the folder is a project. Where this user may not look it is not for us to say that there is none.
fn is_project(folder: &Path) -> Result<bool, NoProject> {
    match std::fs::metadata(folder.join(FILE_NAME)) {
        Ok(file) => Ok(file.is_file()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(NoProject::Hidden { folder: folder.to_owned(), why: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_upward_is_the_project_unless_one_is_named() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("a"), root.path().join("a/b"));
        let deep = inner.join("c/d");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(find_project(None, &deep), Err(NoProject::Above(deep.clone())));
        std::fs::write(outer.join(FILE_NAME), "").unwrap();
        assert_eq!(find_project(None, &deep), Ok(outer.clone()));
        std::fs::write(inner.join(FILE_NAME), "").unwrap();
        assert_eq!(find_project(None, &deep), Ok(inner));
        assert_eq!(find_project(Some(&outer), &deep), Ok(outer));
        assert_eq!(find_project(Some(&deep), &deep), Err(NoProject::Named(deep.clone())));
        // Of a name that is too long nobody can tell either, whoever asks.
        let long = deep.join("x".repeat(300));
        assert!(matches!(find_project(Some(&long), &deep), Err(NoProject::Hidden { .. })));
    }
}
