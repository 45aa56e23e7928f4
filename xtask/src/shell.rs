//! Runs other programs.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::output::say;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A cargo in `folder`, which is seen from the root of the repository.
pub(crate) fn cargo(folder: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root().join(folder));
    // Set for this very program by the cargo that started it. Some build scripts ask for them, and would run again, with all
    // that depends on them, each time that a cargo is started by hand in between.
    for (name, _) in env::vars_os() {
        let is_of_this = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix));
        if is_of_this {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Whether the program is there and does what is asked.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end. What it prints is progress, and so goes to stderr.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// As `run`, after saying what is run.
pub(crate) fn run_aloud(command: &mut Command) -> Result<()> {
    say(&format!("$ {}", shown(command)));
    run(command)
}

/// Runs a command to its end and gives what it printed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed something that is no text"))
}

/// The command as one would type it, with the folder that it runs in where that is not the root.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    let line = words.collect::<Vec<_>>().join(" ");
    let root = root();
    match command.get_current_dir().and_then(|folder| folder.strip_prefix(&root).ok()) {
        Some(folder) if !folder.as_os_str().is_empty() => format!("{line} (in {})", folder.display()),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/cargo");
        command.arg("build").current_dir(root().join("plugins"));
        assert_eq!(shown(&command), "cargo build (in plugins)");
        assert_eq!(shown(Command::new("dpkg").arg("-x")), "dpkg -x");
    }

    #[test]
    fn a_failing_command_is_named() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(error.to_string().starts_with("`sh -c exit 3` failed"), "{error}");
        assert!(run(&mut Command::new("no-such-program-at-all")).is_err());
    }
}
