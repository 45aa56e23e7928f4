//! Finds a rustc that can build guests.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of every guest.
pub const TARGET: &str = "wasm32-wasip2";

/// Names the folder of the toolchain that `cargo xtask setup` prepares, in place of the one in the user's cache.
pub const PREPARED_VAR: &str = "LONGSHORE_WASM_TOOLCHAIN";

/// A rustc that can build for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    rustc: PathBuf,
}

/// There is no such rustc.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// The target is installed nowhere that is known.
    #[error("the {TARGET} target is missing; run \"cargo xtask setup\" once, then try again")]
    Missing,
    /// The rustc of the outer build does not run.
    #[error("cannot run {}", rustc.display())]
    Unusable {
        /// What was run.
        rustc: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Toolchain {
    /// The rustc of the outer build where it has the target, else the one that `cargo xtask setup` prepared.
    pub fn find() -> Result<Self, ToolchainError> {
        let rustc = PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        if has_target(&rustc)? {
            return Ok(Self { rustc });
        }
        let prepared = prepared_folder().and_then(|folder| Self::in_folder(&folder));
        prepared.ok_or(ToolchainError::Missing)
    }

    /// The toolchain that was prepared in `folder`, if it is complete.
    pub fn in_folder(folder: &Path) -> Option<Self> {
        let rustc = folder.join("rustc");
        (folder.join("ready").is_file() && rustc.is_file()).then_some(Self { rustc })
    }

    /// The rustc.
    pub fn rustc(&self) -> &Path {
        &self.rustc
    }
}

/// Where `cargo xtask setup` prepares a toolchain of our own; none where the user has neither cache nor home.
pub fn prepared_folder() -> Option<PathBuf> {
    prepared_folder_in(|name| env::var_os(name).filter(|value| !value.is_empty()))
}

fn prepared_folder_in(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let cache = || {
        let in_home = || var("HOME").map(|home| Path::new(&home).join(".cache"));
        var("XDG_CACHE_HOME").map(PathBuf::from).or_else(in_home)
    };
    var(PREPARED_VAR)
        .map(PathBuf::from)
        .or_else(|| cache().map(|cache| cache.join("longshore").join("wasm-toolchain")))
}

/// Whether the standard library for the target is there. rustc answers where it would be, installed or not.
fn has_target(rustc: &Path) -> Result<bool, ToolchainError> {
    let answer = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|source| ToolchainError::Unusable { rustc: rustc.to_owned(), source })?;
    let folder = String::from_utf8_lossy(&answer.stdout);
    Ok(answer.status.success() && has_std(Path::new(folder.trim())))
}

fn has_std(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(vars: &[(&str, &str)]) -> Option<PathBuf> {
        prepared_folder_in(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_prepared_toolchain_is_in_the_cache_unless_said_otherwise() {
        assert_eq!(folder_with(&[]), None);
        assert_eq!(folder_with(&[("HOME", "/h")]).unwrap(), Path::new("/h/.cache/longshore/wasm-toolchain"));
        assert_eq!(
            folder_with(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]).unwrap(),
            Path::new("/c/longshore/wasm-toolchain")
        );
        assert_eq!(folder_with(&[("HOME", "/h"), (PREPARED_VAR, "/t")]).unwrap(), Path::new("/t"));
    }

    #[test]
    fn a_folder_counts_only_once_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Toolchain::in_folder(folder.path()), None);
        std::fs::write(folder.path().join("rustc"), "").unwrap();
        assert_eq!(Toolchain::in_folder(folder.path()), None);
        std::fs::write(folder.path().join("ready"), "").unwrap();
        assert_eq!(Toolchain::in_folder(folder.path()).unwrap().rustc(), folder.path().join("rustc"));
    }

    #[test]
    fn the_missing_target_is_one_line_with_the_command_to_run() {
        let line = ToolchainError::Missing.to_string();
        assert!(line.contains("cargo xtask setup") && !line.contains('\n'));
    }

    #[test]
    fn a_target_without_its_library_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_std(&folder.path().join("absent")));
        assert!(!has_std(folder.path()));
        std::fs::write(folder.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(has_std(folder.path()));
    }
}
