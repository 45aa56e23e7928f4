//! What a `build.rs` calls. It talks to cargo through stdout, as build scripts do.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::exit;

use crate::{BuildError, Guest, PREPARED_VAR, Toolchain, build};

/// Builds the guests of `workspace`, and has cargo run the build script again when they, or one of `also`, change.
///
/// Ends the build script when they cannot be built: with one line where the target is missing, with the compiler's
/// errors where the guests are wrong.
pub fn guests(workspace: &Path, also: &[PathBuf]) -> Vec<Guest> {
    println!("cargo::rerun-if-env-changed={PREPARED_VAR}");
    for path in sources(workspace).iter().chain(also) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    match Toolchain::find().map_err(BuildError::from).and_then(|toolchain| build(workspace, &toolchain)) {
        Ok(guests) => guests,
        Err(BuildError::Toolchain(error)) => {
            // cargo shows the line and fails, without the pages that it shows for a build script that crashed.
            println!("cargo::error={error}");
            exit(0);
        }
        Err(error) => {
            eprintln!("error: {error}");
            exit(1);
        }
    }
}

/// Everything in the workspace but what is made from it.
fn sources(workspace: &Path) -> Vec<PathBuf> {
    let Ok(entries) = workspace.read_dir() else { return vec![workspace.to_owned()] };
    let mut sources: Vec<PathBuf> =
        entries.flatten().filter(|entry| entry.file_name() != "target").map(|entry| entry.path()).collect();
    sources.sort();
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["target", "export", ".cargo"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let sources = sources(folder.path());
        let names: Vec<_> = sources.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, [".cargo", "Cargo.toml", "export"]);
    }
}
