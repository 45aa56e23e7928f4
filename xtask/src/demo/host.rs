//! Builds the host.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::shell::{cargo, shown};

/// Builds `longshore` optimised, the plugins with it, and says where it is.
pub(crate) fn build() -> Result<PathBuf> {
    executable(cargo("").args([
        "build",
        "--release",
        "--locked",
        "--package",
        "longshore",
        "--bin",
        "longshore",
    ]))
}

/// Runs a cargo that builds one program, and says where the program is.
pub(crate) fn executable(cargo: &mut Command) -> Result<PathBuf> {
    cargo.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().context("cannot run cargo")?;
    let mut executable = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let message: Value = serde_json::from_str(&line?).unwrap_or_default();
            executable = message["executable"].as_str().map(PathBuf::from).or(executable);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(cargo));
    }
    executable.context("cargo does not say what it built")
}
