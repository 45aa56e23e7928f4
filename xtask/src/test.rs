//! `cargo xtask test`: what continuous integration runs.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use longshore_guest_build::Toolchain;

use crate::output::say;
use crate::{setup, shell};

/// Run every check: formatting, lints, tests of host and plugins, licenses and advisories, short crash campaigns,
/// misbehaving guests, third-party MCP clients.
///
/// This is what continuous integration runs. Installs the wasm32-wasip2 target if it is missing. Uses cargo-nextest where
/// it is installed, `cargo test` otherwise. Goes on after a check that fails, so that one run tells all.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only the checks whose name contains this
    #[arg(value_name = "NAME")]
    only: Option<String>,

    /// Leave out the clients in tests/clients, which are downloaded from package registries
    #[arg(long)]
    skip_clients: bool,
}

/// The workspaces, each with a lock file of its own: where they are, and what their checks are called.
pub(crate) const WORKSPACES: &[(&str, &str)] = &[
    ("", "host"),
    ("plugins", "plugins"),
    ("plugins/templates/rust", "template"),
    ("tests/guests", "guests"),
];

/// One check.
struct Check {
    name: String,
    command: Command,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let toolchain = setup::ensure()?;
    let wanted = |check: &Check| args.only.as_ref().is_none_or(|only| check.name.contains(only.as_str()));
    let checks: Vec<Check> = checks(&toolchain, args.skip_clients).into_iter().filter(wanted).collect();
    if checks.is_empty() {
        bail!("no check has {:?} in its name", args.only.as_deref().unwrap_or_default());
    }
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for Check { name, mut command } in checks {
        let started = Instant::now();
        let done = shell::run_aloud(&mut command);
        let seconds = started.elapsed().as_secs();
        lines.push(format!("{:>4}  {seconds:>4} s  {name}", if done.is_ok() { "ok" } else { "FAIL" }));
        if let Err(error) = done {
            say(&format!("error: {error:#}"));
            failed.push(name);
        }
    }
    say(&format!("\n{}", lines.join("\n")));
    if !failed.is_empty() {
        bail!("{} failed; `cargo xtask test NAME` runs one again", failed.join(", "));
    }
    Ok(())
}

fn checks(toolchain: &Toolchain, skip_clients: bool) -> Vec<Check> {
    let there =
        WORKSPACES.iter().filter(|(folder, _)| shell::root().join(folder).join("Cargo.toml").is_file());
    let mut checks = Vec::new();
    for (folder, name) in there.clone() {
        checks.push(cargo(format!("format {name}"), folder, &["fmt", "--all", "--check"]));
    }
    for (folder, name) in there {
        let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        let mut lint = cargo(format!("lint {name}"), folder, &lints);
        if folder.starts_with("plugins/") {
            // The template's dependencies are those of the plugins, already built.
            lint.command.env("CARGO_TARGET_DIR", shell::root().join("plugins/target"));
        }
        checks.push(lint);
    }
    checks.push(tests("test host", ""));
    checks.push(tests("test plugins", "plugins"));
    // The binary that the tests of the host leave beside this program: to build another takes longer than the checks.
    let beside = std::env::current_exe().ok();
    if let Some(xtask) = &beside {
        let mut command = Command::new(xtask);
        command.arg("supply-chain");
        checks.push(Check { name: "supply chain".into(), command });
        let crash = |name: &str, words: &[&str]| {
            let mut command = Command::new(xtask);
            command
                .args(["crash", "--dev", "--longshore"])
                .arg(xtask.with_file_name("longshore"))
                .args(words);
            Check { name: name.into(), command }
        };
        checks.push(crash("crash kills", &["--seconds", "12", "--seed", "1", "--processes", "3"]));
        checks.push(crash(
            "crash power loss",
            &["--power-loss", "--seconds", "3", "--cuts", "4", "--seed", "1"],
        ));
        let forgetful = ["--power-loss", "--forget-syncs", "--seconds", "3", "--cuts", "4", "--seed", "1"];
        checks.push(crash("crash power loss without syncs", &forgetful));
        let mut gallery = Command::new(xtask);
        gallery
            .args(["gallery", "--codes-only", "--dev", "--longshore"])
            .arg(xtask.with_file_name("longshore"));
        checks.push(Check { name: "gallery of misbehaving guests".into(), command: gallery });
    }
    let clients = shell::root().join("tests/clients/run");
    if clients.is_file() && !skip_clients {
        let mut command = Command::new(clients);
        command.current_dir(shell::root());
        if let Some(xtask) = &beside {
            command.arg("--longshore").arg(xtask.with_file_name("longshore"));
        }
        command.env("LONGSHORE_WASM_RUSTC", toolchain.rustc());
        checks.push(Check { name: "test clients".into(), command });
    }
    checks
}

fn tests(name: &str, folder: &str) -> Check {
    let nextest = shell::works("cargo", &["nextest", "--version"]);
    let words: &[&str] =
        if nextest { &["nextest", "run", "--no-fail-fast"] } else { &["test", "--no-fail-fast"] };
    let mut check = cargo(name.into(), folder, words);
    check.command.args(["--workspace", "--locked"]);
    check
}

fn cargo(name: String, folder: &str, words: &[&str]) -> Check {
    let mut command = shell::cargo(folder);
    command.args(words);
    Check { name, command }
}
