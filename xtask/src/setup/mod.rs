//! `cargo xtask setup`: makes it possible to build guests.

mod debian;
mod packages;

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use longshore_guest_build::{PREPARED_VAR, TARGET, Toolchain, ToolchainError, prepared_folder};

use crate::output::say;
use crate::shell;

/// Install what plugins are built with: the Rust target wasm32-wasip2.
///
/// rustup adds it where it can. Where rustup is missing or cannot reach its server, and the machine runs Debian or one of
/// its kin, the target's standard library is built once from Debian's source packages (about three minutes) into the cache
/// folder; nothing on the system is changed. Does nothing where all is ready.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Use Debian's packages even where the target is there or rustup could add it
    #[arg(long)]
    from_debian: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.from_debian {
        return from_debian().map(|toolchain| ready(&toolchain));
    }
    ensure().map(|toolchain| ready(&toolchain))
}

/// The toolchain that builds guests, prepared if there is none.
pub(crate) fn ensure() -> Result<Toolchain> {
    match Toolchain::find() {
        Err(ToolchainError::Missing) => {}
        found => return Ok(found?),
    }
    say(&format!("setup: the {TARGET} target is missing"));
    if shell::works("rustup", &["--version"]) {
        if shell::run_aloud(Command::new("rustup").args(["target", "add", TARGET])).is_ok() {
            return Ok(Toolchain::find()?);
        }
        say("setup: rustup could not add it");
    }
    from_debian()
}

fn from_debian() -> Result<Toolchain> {
    if !debian::is_possible() {
        bail!(
            "cannot install the {TARGET} target here: there is no rustup that can add it, and this is no Debian whose packages \
             could be used. Install Rust with rustup (https://rustup.rs), run `rustup target add {TARGET}`, then try again"
        );
    }
    let folder =
        prepared_folder().with_context(|| format!("there is no cache folder: set HOME or {PREPARED_VAR}"))?;
    if let Some(toolchain) = Toolchain::in_folder(&folder) {
        return Ok(toolchain);
    }
    debian::prepare(&folder).context("cannot prepare a toolchain from Debian's packages")
}

fn ready(toolchain: &Toolchain) {
    say(&format!("setup: {TARGET} is ready, built by {}", toolchain.rustc().display()));
}
