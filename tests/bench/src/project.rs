//! A project folder of its own for each measurement, removed at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Result;
use super::args::Args;

/// The store's file in the project.
const STORE: &str = "data/tasks.db";

/// A temporary project: configuration, plugins, store.
pub(crate) struct Project {
    folder: TempDir,
    longshore: PathBuf,
}

impl Project {
    pub(crate) fn new(args: &Args) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("longshore-load-").tempdir()?;
        copy_files(&args.plugins, &folder.path().join("plugins"))?;
        write_config(folder.path())?;
        Ok(Self { folder, longshore: args.longshore.clone() })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store's file; it exists once a server has run here.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join(STORE)
    }

    /// `longshore serve` in this folder.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new(&self.longshore);
        command.arg("serve").current_dir(self.folder.path());
        command
    }
}

/// The one place that knows what the configuration looks like. Durability stays at its default: a throughput
/// that forgets tasks is none.
fn write_config(folder: &Path) -> Result<()> {
    let text = format!("[store]\npath = \"{STORE}\"\n\n[plugins]\ndir = \"plugins\"\n");
    fs::write(folder.join("longshore.toml"), text)?;
    Ok(())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
