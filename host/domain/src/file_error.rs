//! What goes wrong with a file of the host, told in two ways: the operator is to find the file, while clients and jobs learn
//! nothing of the machine that they have no use for.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What is wrong with a file. `Display` has its whole path, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    before: String,
    path: PathBuf,
    after: String,
}

impl FileError {
    /// The words before and after the path, such as `cannot write` and `: permission denied`.
    pub fn new(before: impl Into<String>, path: impl Into<PathBuf>, after: impl Into<String>) -> Self {
        Self { before: before.into(), path: path.into(), after: after.into() }
    }

    /// As an error of that kind.
    pub fn of_kind(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }

    /// What clients and jobs are told of `error`: the same without the folders that the file is in.
    pub fn told_of(error: &io::Error) -> String {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(Self { before, path, after }) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                format!("{before} …/{name}{after}")
            }
            None => error.to_string(),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, path, after } = self;
        write!(f, "{before} {}{after}", path.display())
    }
}

impl Error for FileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_told_the_path_and_others_the_name() {
        let error = FileError::new("cannot write", "/home/ann/shop/data/x.csv", ": no room")
            .of_kind(io::ErrorKind::StorageFull);
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "cannot write /home/ann/shop/data/x.csv: no room");
        assert_eq!(FileError::told_of(&error), "cannot write …/x.csv: no room");
        assert_eq!(FileError::told_of(&io::Error::other("it is over")), "it is over");
    }
}
