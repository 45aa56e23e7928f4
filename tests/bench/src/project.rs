//! A project folder of its own for each measurement, removed at the end.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Result;

/// The store's file in the project.
const STORE: &str = "data/tasks.db";

/// A temporary project: configuration, plugins, store.
pub struct Project {
    folder: TempDir,
    longshore: PathBuf,
    /// What its processes have in their environment besides ours.
    environment: Vec<(&'static str, OsString)>,
}

impl Project {
    /// A project of that program, with the files of the folder `plugins` as its plugins.
    pub fn new(longshore: &Path, plugins: &Path) -> Result<Self> {
        Self::with_worker(longshore, plugins, "")
    }

    /// As `new`, with these lines in the table `[worker]` of its configuration.
    pub fn with_worker(longshore: &Path, plugins: &Path, worker: &str) -> Result<Self> {
        Self::with_config(longshore, plugins, &format!("[worker]\nstay_behind = false\n{worker}\n"))
    }

    /// As `new`, with these tables in its configuration.
    pub fn with_config(longshore: &Path, plugins: &Path, tables: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("longshore-load-").tempdir()?;
        copy_files(plugins, &folder.path().join("plugins"))?;
        write_config(folder.path(), tables)?;
        Ok(Self { folder, longshore: longshore.to_owned(), environment: Vec::new() })
    }

    /// The same, and its processes preload that library.
    #[must_use]
    pub fn preloading(self, library: &Path) -> Self {
        self.with_env("LD_PRELOAD", library)
    }

    /// The same, and its processes have that variable.
    #[must_use]
    pub fn with_env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// The project folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store's file; it exists once a server has run here.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join(STORE)
    }

    /// `longshore serve` in this folder.
    pub fn serve(&self) -> Command {
        let mut command = Command::new(&self.longshore);
        command.arg("serve").current_dir(self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The one place that knows what the configuration looks like. Durability stays at its default: a throughput
/// that forgets tasks is none.
fn write_config(folder: &Path, tables: &str) -> Result<()> {
    let text = format!("[store]\npath = \"{STORE}\"\n\n[plugins]\ndir = \"plugins\"\n\n{tables}\n");
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
