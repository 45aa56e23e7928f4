//! `cargo xtask templates`: renews the copies that let the templates stand alone.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::shell;

/// What is copied to where. Of the SDK only what a build needs. A test in tests/tests/tidy.rs compares them.
const COPIES: &[(&str, &str)] = &[
    ("wit", "plugins/sdk/wit"),
    ("wit", "plugins/templates/python/wit"),
    ("wit", "plugins/templates/javascript/wit"),
    ("plugins/sdk/Cargo.toml", "plugins/templates/rust/longshore-plugin/Cargo.toml"),
    ("plugins/sdk/src", "plugins/templates/rust/longshore-plugin/src"),
    ("plugins/sdk/wit", "plugins/templates/rust/longshore-plugin/wit"),
];

/// Copy the contract and the SDK into the plugin templates
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: &Args) -> Result<()> {
    for (from, to) in COPIES {
        let (from, to) = (shell::root().join(from), shell::root().join(to));
        if to.is_dir() {
            // What no longer exists in the original goes, too.
            fs::remove_dir_all(&to).with_context(|| format!("cannot delete {}", to.display()))?;
        }
        copy(&from, &to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        fs::copy(from, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_copied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("from/inner")).unwrap();
        fs::write(at("from/inner/file"), "text").unwrap();
        copy(&at("from"), &at("to")).unwrap();
        assert_eq!(fs::read_to_string(at("to/inner/file")).unwrap(), "text");
    }
}
