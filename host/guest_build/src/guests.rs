//! Builds a guest workspace with a nested cargo.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::environment::is_stripped;
use crate::{TARGET, Toolchain, ToolchainError};

/// A guest that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The stem of its file: the name of the job type that it must describe.
    pub name: String,
    /// Its component.
    pub component: PathBuf,
    /// The folder of its package.
    pub package: PathBuf,
}

/// The guests were not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No rustc can build them.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// cargo does not run.
    #[error("cannot run cargo in {}", workspace.display())]
    Io {
        /// The guest workspace.
        workspace: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// cargo said on stderr what is wrong.
    #[error("the guests in {} do not build", workspace.display())]
    Failed {
        /// The guest workspace.
        workspace: PathBuf,
    },
}

/// Builds every guest of `workspace`, optimised, and lists them by name. What cargo has to say goes to stderr.
pub fn build(workspace: &Path, toolchain: &Toolchain) -> Result<Vec<Guest>, BuildError> {
    build_some(workspace, toolchain, &["--workspace"])
}

/// Builds the guests that are examples of a package in `workspace`, as [`build`] does the others.
pub fn build_examples(
    workspace: &Path,
    package: &str,
    toolchain: &Toolchain,
) -> Result<Vec<Guest>, BuildError> {
    build_some(workspace, toolchain, &["--package", package, "--examples"])
}

fn build_some(workspace: &Path, toolchain: &Toolchain, which: &[&str]) -> Result<Vec<Guest>, BuildError> {
    let io_error = |source| BuildError::Io { workspace: workspace.to_owned(), source };
    let mut cargo = cargo(workspace, toolchain);
    cargo.args(["build", "--release", "--locked", "--target", TARGET]).args(which);
    cargo.arg("--message-format=json-render-diagnostics");
    let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(io_error)?;
    let mut guests = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            guests.extend(components(&line.map_err(io_error)?));
        }
    }
    if !child.wait().map_err(io_error)?.success() {
        return Err(BuildError::Failed { workspace: workspace.to_owned() });
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

/// A cargo that works in the guest workspace, free of what an outer cargo put into the environment.
pub fn cargo(workspace: &Path, toolchain: &Toolchain) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_stripped) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(workspace);
    cargo.env("RUSTC", toolchain.rustc()).env("CARGO_TARGET_DIR", workspace.join("target"));
    cargo
}

/// The components that a message of cargo tells of.
fn components(message: &str) -> Vec<Guest> {
    let Ok(message) = serde_json::from_str::<Value>(message) else { return Vec::new() };
    if message["reason"] != "compiler-artifact" {
        return Vec::new();
    }
    let package = message["manifest_path"].as_str().and_then(|path| Path::new(path).parent());
    let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    files
        .map(PathBuf::from)
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .filter_map(|component| {
            let name = component.file_stem()?.to_str()?.to_owned();
            Some(Guest { name, component, package: package?.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_components_are_taken_from_what_cargo_says() {
        let message = r#"{"reason":"compiler-artifact","manifest_path":"/w/export/Cargo.toml",
            "filenames":["/w/target/libexport.rlib","/w/target/export.wasm"]}"#;
        let guest = Guest {
            name: "export".into(),
            component: "/w/target/export.wasm".into(),
            package: "/w/export".into(),
        };
        assert_eq!(components(message), [guest]);
        assert_eq!(components(r#"{"reason":"build-finished","success":true}"#), []);
        assert_eq!(components("what a build script printed"), []);
    }

    #[test]
    fn a_guest_is_built_from_source() {
        // Without the target there is nothing to build with, which the one line says elsewhere.
        let Ok(toolchain) = Toolchain::find() else { return };
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        write(
            "Cargo.toml",
            "[workspace]\n[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n",
        );
        write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"1.0.0\"\n");
        write("src/lib.rs", "");
        let guests = build(folder.path(), &toolchain).unwrap();
        assert_eq!(guests.len(), 1);
        assert_eq!(guests[0].name, "tiny");
        let bytes = std::fs::read(&guests[0].component).unwrap();
        // The preamble of a component, not of a module.
        assert_eq!(bytes[..8], [0, b'a', b's', b'm', 0x0d, 0, 1, 0]);

        write("src/lib.rs", "this is no Rust");
        assert!(matches!(build(folder.path(), &toolchain), Err(BuildError::Failed { .. })));
    }
}
