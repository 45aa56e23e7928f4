//! A project folder of its own for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Client, Era};

/// The component of the guest of that name, built from `tests/guests`.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = Path::new(env!("LONGSHORE_GUESTS")).join(format!("{name}.wasm"));
    assert!(path.exists(), "there is no guest {name}: {}", path.display());
    path
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A folder that is deleted when the test ends.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// What `longshore init` makes: three plugins and the sample shop.
    pub(crate) fn with_shop() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let output = project.longshore(&["init", "."]);
        assert!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        project
    }

    /// What `longshore init --no-sample` makes, with these guests in place of the three plugins. The sections of
    /// `extra` are laid over the configuration.
    pub(crate) fn with_guests(guests: &[&str], extra: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let output = project.longshore(&["init", ".", "--no-sample"]);
        assert!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        for entry in fs::read_dir(project.path("plugins")).unwrap().flatten() {
            fs::remove_file(entry.path()).unwrap();
        }
        let config = project.path("longshore.toml");
        let mut settings: toml::Table = toml::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
        for (section, table) in toml::from_str::<toml::Table>(extra).unwrap() {
            let known = settings.entry(section).or_insert_with(|| toml::Table::new().into());
            known.as_table_mut().unwrap().extend(table.as_table().unwrap().clone());
        }
        fs::write(&config, settings.to_string()).unwrap();
        for name in guests {
            project.add_guest(name, "");
        }
        project
    }

    /// The project's folder, or a path in it.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Puts a guest into the plugin folder, its policy first.
    pub(crate) fn add_guest(&self, name: &str, policy: &str) {
        self.add_component(name, &fs::read(guest(name)).unwrap(), policy);
    }

    /// Puts any bytes into the plugin folder as a person would who is careful: whole, by a rename.
    pub(crate) fn add_component(&self, name: &str, bytes: &[u8], policy: &str) {
        if !policy.is_empty() {
            fs::write(self.path(&format!("plugins/{name}.toml")), policy).unwrap();
        }
        let temporary = self.path(&format!("plugins/{name}.tmp"));
        fs::write(&temporary, bytes).unwrap();
        fs::rename(temporary, self.path(&format!("plugins/{name}.wasm"))).unwrap();
    }

    /// The binary, about to run in this project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longshore-under-test"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn longshore(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the binary to its end, which must be good, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.longshore(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{arguments:?} ended with {}: {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{arguments:?} printed no JSON ({error}): {text}"))
    }

    /// Starts `longshore serve` with a client at its pipes.
    pub(crate) fn serve(&self, era: Era) -> Client {
        Client::start(self.command(&["serve"]), era)
    }
}
