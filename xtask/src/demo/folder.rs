//! The folder of the demo project.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::output::say;
use crate::shell;

/// Says that a folder was made by the demo, and may be made again.
const MARK: &str = ".longshore-demo";

/// Makes the demo project in `folder`, or makes it anew where the demo made it before.
pub(super) fn prepare(longshore: &Path, folder: &Path) -> Result<()> {
    let ours = folder.join(MARK).is_file();
    if !ours && !is_free(folder)? {
        bail!(
            "{} has something in it that the demo did not make; name another folder with --dir",
            folder.display()
        );
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(MARK), "Made by `cargo xtask demo`, which may write it anew.\n")?;
    say(&format!("demo: writing a project with a sample shop to {}", folder.display()));
    // What it advises to do next, the demo does.
    shell::read(Command::new(longshore).arg("init").arg(folder).arg("--force")).map(drop)
}

fn is_free(folder: &Path) -> Result<bool> {
    match folder.read_dir() {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_content_stays() {
        let folder = tempfile::tempdir().unwrap();
        let demo = folder.path().join("demo");
        let done = Path::new("true");
        prepare(done, &demo).unwrap();
        std::fs::write(demo.join("more"), "").unwrap();
        prepare(done, &demo).unwrap();
        std::fs::remove_file(demo.join(MARK)).unwrap();
        let error = prepare(done, &demo).unwrap_err();
        assert!(error.to_string().contains("--dir"), "{error}");
        assert!(!demo.join(MARK).exists());
    }
}
