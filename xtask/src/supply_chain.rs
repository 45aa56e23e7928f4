//! `cargo xtask supply-chain`: looks at what others' code becomes part of ours, with cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::output::say;
use crate::shell;
use crate::test::WORKSPACES;

/// The version that is built where none is installed.
const VERSION: &str = "0.20.2";

/// Check every lock file: licenses, where crates come from, what is banned, and known advisories.
///
/// What is allowed is in deny.toml. Uses cargo-deny where it is installed, and builds it into target/tools otherwise. Known
/// advisories are checked where their database can be reached, and not without saying so. Where only a clone of it can be, tell
/// git: `git config --global url./path/to/clone.insteadOf https://github.com/RustSec/advisory-db`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fail where the database of advisories cannot be reached
    #[arg(long)]
    advisories: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let program = ensure()?;
    let deny = |workspace: &str| {
        let mut deny = Command::new(&program);
        deny.current_dir(shell::root());
        deny.args(["--config", "deny.toml", "--manifest-path"]);
        deny.arg(shell::root().join(workspace).join("Cargo.toml"));
        deny
    };
    let mut what = vec!["bans", "licenses", "sources"];
    match shell::run_aloud(deny("").args(["fetch", "db"])) {
        Ok(()) => what.push("advisories"),
        Err(error) if args.advisories => return Err(error),
        Err(_) => {
            say("supply-chain: the database of advisories cannot be reached: advisories are NOT checked");
        }
    }
    let mut failed = Vec::new();
    for (workspace, _) in WORKSPACES {
        if shell::run_aloud(deny(workspace).args(["check", "--hide-inclusion-graph"]).args(&what)).is_err() {
            failed.push(shell::root().join(workspace).join("Cargo.lock").display().to_string());
        }
    }
    if !failed.is_empty() {
        bail!("{} name what deny.toml does not allow", failed.join(", "));
    }
    Ok(())
}

/// Where cargo-deny is, once it is there.
fn ensure() -> Result<PathBuf> {
    if shell::works("cargo-deny", &["--version"]) {
        return Ok("cargo-deny".into());
    }
    let tools = shell::root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        say(&format!("supply-chain: building cargo-deny {VERSION}, once"));
        // Without optimisation: it is built more slowly than it runs.
        let mut cargo = shell::cargo("");
        cargo.args(["install", "--quiet", "--locked", "--debug", "--no-default-features", "--root"]);
        cargo.arg(&tools).arg(format!("cargo-deny@{VERSION}")).env("CARGO_PROFILE_DEV_DEBUG", "0");
        shell::run(&mut cargo)?;
    }
    Ok(program)
}
